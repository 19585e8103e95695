{#- Removes Salt Cloud's configuration for this cluster. The VMs stay: nothing here ever deletes one. The deploy script
    and the driver stay too: another cluster may use them. #}
{%- from "k8s/synced.jinja" import needs_sync %}
{%- if 'k8s_cloud.text' not in salt %}
{{ needs_sync('k8s-cloud-clean-needs-sync') }}

{%- elif 'cloud' not in salt['k8s_config.get'](saltenv=saltenv, secrets=True).minion.roles %}

k8s-cloud-clean-elsewhere:
  test.fail_without_changes:
    - name: 'Salt Cloud is not configured on this minion: k8s:cloud:minion names another one, or there is no k8s:cloud'

{%- else %}
{%- set k8s = salt['k8s_config.get'](saltenv=saltenv, secrets=True) %}
{%- set dir = k8s.cloud.config_dir %}
{%- set cluster = k8s.cluster.name %}

k8s-cloud-clean:
  file.absent:
    - names:
      - {{ dir }}/cloud.providers.d/{{ cluster }}.conf
      - {{ dir }}/cloud.profiles.d/{{ cluster }}.conf
      - {{ dir }}/cloud.maps.d/{{ cluster }}.map
      - {{ dir }}/cloud.conf.d/{{ cluster }}.conf
{%- for path in salt['k8s_cloud.key_files']() %}
      - {{ path | json }}
{%- endfor %}
{%- endif %}
