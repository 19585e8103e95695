{#- On the minion of the Salt master, called by k8s.orch.take_out: the VM of a node that left is destroyed, if Salt Cloud
    created it. The node's name is in the pillar, twice: as `destroyed` and as the confirmation `destroyed_typed`. -#}
{%- from "k8s/synced.jinja" import needs_sync %}
{%- if 'k8s_cloud.destroy' not in salt %}
{{ needs_sync('k8s-cloud-destroyed-needs-sync') }}
{%- else %}
k8s-cloud-destroyed:
  k8s_cloud.destroyed:
    - name: {{ pillar.get('destroyed', '') | json }}
    - typed: {{ pillar.get('destroyed_typed', '') | json }}
{%- endif %}
