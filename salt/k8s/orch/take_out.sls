{#- Takes a node out of the cluster: drained, out of etcd and Kubernetes, cleaned. Its pillar edit comes first.

    salt-run state.orchestrate k8s.orch.take_out pillar='{admin: k8s-admin, node: k8s-w2}' test=True

    destroy_vm: the node's name, once more: its VM is destroyed, if Salt Cloud made it. See docs/operations/take-out.md. -#}
{%- from "k8s/orch/asked.jinja" import admin, ask, answers, refused, said with context %}
{%- set node, destroy = pillar.get('node', ''), pillar.get('destroy_vm', '') %}
{%- if not admin or not node %}
{{ refused('take-out-refused', "refused, nothing was done: give admin (the admin minion's id) and node in pillar=") }}
{%- elif destroy and destroy != node %}
{{ refused('take-out-refused', "refused, nothing was done: destroy_vm has to be the node's name, " ~ node) }}
{%- else %}
{%- set steps = ask(admin, 'k8s_cluster.taking_out', [node], {}) | load_json %}
{%- if steps.refused %}
{{ refused('take-out-refused', steps.refused) }}
{%- elif destroy and not steps.cloud %}
{{ refused('take-out-refused', "refused, nothing was done: the pillar has no k8s:cloud, so no VM is one of ours") }}
{%- else %}
{{ said('take-out-steps', steps.lines) }}

{%- if 'leave' in steps.todo %}

take-out-leaves:
  salt.state:
    - tgt: {{ admin | json }}
    - sls: k8s.cluster
    - timeout: 60
{%- endif %}

{%- set there = answers(node) %}
{%- if there %}

take-out-cleaned:
  salt.state:
    - tgt: {{ node | json }}
    - sls: k8s.os.cleaned
    - pillar: {cleaned: {node: {{ node | json }}, gone: true, keep_etcd: {{ pillar.get('keep_etcd', False) | json }}}}
{%- if 'leave' in steps.todo %}
    - require:
      - salt: take-out-leaves
{%- endif %}
{%- else %}
{{ said('take-out-not-cleaned', [node ~ " does not answer as a minion: it is not cleaned. Before it may be used again, run this once more"]) }}
{%- endif %}

{%- if 'forget' in steps.todo %}

take-out-forgotten:
  salt.state:
    - tgt: {{ admin | json }}
    - sls: k8s.cluster.forgotten
    - pillar: {forgotten: {{ node | json }}}
    - require:
{%- if 'leave' in steps.todo %}
      - salt: take-out-leaves
{%- endif %}
{%- if there %}
      - salt: take-out-cleaned
{%- endif %}
{%- if not there and 'leave' not in steps.todo %}
      - test: take-out-steps
{%- endif %}
{%- endif %}
{%- if destroy %}

take-out-destroyed:
  salt.state:
    - tgt: {{ steps.cloud | json }}
    - sls: k8s.cloud.destroyed
    - pillar: {destroyed: {{ node | json }}, destroyed_typed: {{ destroy | json }}}
    - require:
      - {{ 'salt: take-out-leaves' if 'leave' in steps.todo else 'test: take-out-steps' }}
{%- if there %}
      - salt: take-out-cleaned
{%- endif %}
{%- endif %}
{%- endif %}
{%- endif %}
