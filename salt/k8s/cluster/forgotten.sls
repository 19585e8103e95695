{#- On the admin minion, called by an orchestration in k8s/orch, with pillar={forgotten: NAME}. -#}
{%- from "k8s/synced.jinja" import needs_sync %}
{%- if 'k8s_cluster.taking_out' not in salt %}
{{ needs_sync('k8s-cluster-forgotten-needs-sync') }}
{%- else %}
k8s-cluster-forgotten:
  k8s_cluster.forgotten:
    - name: Kubernetes has no object of the node that left
    - node: {{ pillar.get('forgotten', '') | json }}
{%- endif %}
