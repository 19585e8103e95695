{#- On the Salt master's own minion: the configuration of Salt Cloud, and the VMs of its map that do not exist yet. Not part
    of k8s.cloud, which contacts no vCenter. #}
{%- from "k8s/synced.jinja" import needs_sync %}
{%- if 'k8s_cloud.create' not in salt %}
{{ needs_sync('k8s-cloud-machines-needs-sync') }}

{%- else %}
include:
  - k8s.cloud

{%- if 'cloud' in salt['k8s_config.get'](saltenv=saltenv, secrets=True).minion.roles %}

k8s-cloud-machines:
  k8s_cloud.created:
    - require:
      - sls: k8s.cloud
{%- endif %}
{%- endif %}
