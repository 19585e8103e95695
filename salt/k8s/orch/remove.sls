{#- Removes a whole cluster: its state is moved aside, and its nodes are cleaned, so that they can join a new one.

    salt-run state.orchestrate k8s.orch.remove pillar='{admin: k8s-admin, cluster: osug}' test=True

    cluster: its name, as a confirmation. See docs/operations/removal.md. -#}
{%- from "k8s/orch/asked.jinja" import admin, ask, answers, refused, said with context %}
{%- set cluster = pillar.get('cluster', '') %}
{%- if not admin or not cluster %}
{{ refused('remove-refused', "refused, nothing was done: give admin (the admin minion's id) and cluster (its name) in pillar=") }}
{%- else %}
{%- set plan = ask(admin, 'k8s_cluster.remove', [cluster], {'test': True}) | load_json %}
{%- if plan.get('refused') %}
{{ refused('remove-refused', plan.refused) }}
{%- else %}
{%- set found = namespace(there=[], silent=[]) %}
{%- for node in plan.nodes %}
{%-   if answers(node) %}{% do found.there.append(node) %}{% else %}{% do found.silent.append(node) %}{% endif %}
{%- endfor %}
{{ said('remove-steps', plan.lines or [cluster ~ ' was removed before: its nodes are cleaned']) }}

remove-given-up:
  salt.state:
    - tgt: {{ admin | json }}
    - sls: k8s.cluster.removed
    - pillar: {removed: {{ cluster | json }}}

{%- if found.there %}

remove-cleaned:
  salt.state:
    - tgt: {{ found.there | json }}
    - tgt_type: list
    - sls: k8s.os.cleaned
    - pillar: {cleaned: {node: {{ cluster | json }}, gone: true, keep_etcd: {{ pillar.get('keep_etcd', False) | json }}}}
    - require:
      - salt: remove-given-up
{%- endif %}
{%- if found.silent %}
{{ said('remove-not-cleaned', ["not cleaned, because they do not answer as minions: " ~ found.silent | join(', ') ~ ". Their part of the cluster may still run: run this again when they are back"]) }}
{%- endif %}
{%- endif %}
{%- endif %}
