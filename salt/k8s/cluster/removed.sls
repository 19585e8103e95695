{#- On the admin minion, called by an orchestration in k8s/orch, with pillar={removed: NAME}. -#}
{%- from "k8s/synced.jinja" import needs_sync %}
{%- if 'k8s_cluster.taking_out' not in salt %}
{{ needs_sync('k8s-cluster-removed-needs-sync') }}
{%- else %}
k8s-cluster-removed:
  k8s_cluster.removed:
    - name: The cluster is given up
    - cluster: {{ pillar.get('removed', '') | json }}
{%- endif %}
