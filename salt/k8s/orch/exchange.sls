{#- Exchanges the machine of a node, which keeps its name: out, and in again when the new machine is there.

    salt-run state.orchestrate k8s.orch.exchange pillar='{admin: k8s-admin, node: k8s-w2, machine: UID}' test=True

    machine: the uid of the node that goes, which this prints. Run again after the machine was exchanged: it joins. With
    the same command once more nothing changes. See docs/operations/exchange.md. -#}
{%- from "k8s/orch/asked.jinja" import admin, ask, answers, refused, said with context %}
{%- set node, machine = pillar.get('node', ''), pillar.get('machine', '') %}
{%- if not admin or not node %}
{{ refused('exchange-refused', "refused, nothing was done: give admin (the admin minion's id) and node in pillar=") }}
{%- else %}
{%- set steps = ask(admin, 'k8s_cluster.taking_out', [node], {'exchange': True, 'machine': machine}) | load_json %}
{%- set there = answers(node) %}
{%- if steps.refused %}
{{ refused('exchange-refused', steps.refused) }}
{%- elif 'join' in steps.todo and not there %}
{{ refused('exchange-refused', "refused, nothing was done: " ~ node ~ " is out of the cluster, and the new machine does not answer as a minion of this name yet") }}
{%- else %}
{{ said('exchange-steps', steps.lines) }}

{%- if 'leave' in steps.todo %}

exchange-leaves:
  salt.state:
    - tgt: {{ admin | json }}
    - sls: k8s.cluster.without
    - pillar: {without: {{ node | json }}}
    - timeout: 60
{%- endif %}

{%- if 'clean' in steps.todo and there %}

exchange-cleaned:
  salt.state:
    - tgt: {{ node | json }}
    - sls: k8s.os.cleaned
    - pillar: {cleaned: {node: {{ node | json }}, gone: true, keep_etcd: {{ pillar.get('keep_etcd', False) | json }}}}
{%- if 'leave' in steps.todo %}
    - require:
      - salt: exchange-leaves
{%- endif %}
{%- endif %}

{%- if 'join' in steps.todo %}

exchange-prepared:
  salt.state:
    - tgt: {{ node | json }}
    - sls: [k8s.os, k8s.docker]
{%- if 'clean' in steps.todo %}
    - require:
      - salt: exchange-cleaned
{%- endif %}

exchange-joins:
  salt.state:
    - tgt: {{ admin | json }}
    - sls: k8s.cluster
    - timeout: 60
    - require:
      - salt: exchange-prepared
{%- endif %}
{%- endif %}
{%- endif %}
