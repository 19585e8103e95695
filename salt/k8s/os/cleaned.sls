{#- On a node that left its cluster: nothing of it is left. Called by the orchestrations in k8s/orch, which know that it
    left, with the node's name in the pillar; alone it asks the cluster. Needs no pillar of the platform. -#}
{%- from "k8s/synced.jinja" import needs_sync %}
{%- if 'k8s_host.clean_up' not in salt %}
{{ needs_sync('k8s-os-cleaned-needs-sync') }}
{%- else %}
{%- set cleaned = pillar.get('cleaned', {}) %}
k8s-os-cleaned:
  k8s_host.cleaned_up:
    - name: Nothing of the cluster is left on this node
    - node: {{ cleaned.get('node', '') | json }}
    - gone: {{ cleaned.get('gone', False) | json }}
    - keep_etcd: {{ cleaned.get('keep_etcd', False) | json }}
{%- endif %}
