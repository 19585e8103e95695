{#- On the admin minion, called by an orchestration in k8s/orch, with pillar={without: NAME}. -#}
{%- from "k8s/synced.jinja" import needs_sync %}
{%- if 'k8s_cluster.taking_out' not in salt %}
{{ needs_sync('k8s-cluster-without-needs-sync') }}
{%- else %}
k8s-cluster-without:
  k8s_cluster.without:
    - name: The cluster is without the node whose machine is exchanged
    - node: {{ pillar.get('without', '') | json }}
{%- endif %}
