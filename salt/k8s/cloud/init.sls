{#- On the Salt master's own minion: Salt Cloud's provider, profiles and map, all from the pillar. Nothing here creates or
    deletes a VM: an operator creates them with `salt-cloud -m .../cloud.maps.d/CLUSTER.map -P -y`. The files come
    from a template, not from this SLS, so that no secret is part of a rendered state. #}
{%- from "k8s/synced.jinja" import needs_sync %}
{%- if 'k8s_cloud.text' not in salt %}
{{ needs_sync('k8s-cloud-needs-sync') }}

{%- elif 'cloud' not in salt['k8s_config.get'](saltenv=saltenv, secrets=True).minion.roles %}

k8s-cloud-elsewhere:
  test.fail_without_changes:
    - name: 'Salt Cloud is not configured on this minion: k8s:cloud:minion names another one, or there is no k8s:cloud'

{%- else %}
{%- set k8s = salt['k8s_config.get'](saltenv=saltenv, secrets=True) %}
{%- set dir = k8s.cloud.config_dir %}
{%- set cluster = k8s.cluster.name %}
{%- set drivers = salt['k8s_cloud.drivers']() %}
{%- set files = {
  'provider': [dir ~ '/cloud.providers.d/' ~ cluster ~ '.conf', '0600'],
  'profiles': [dir ~ '/cloud.profiles.d/' ~ cluster ~ '.conf', '0644'],
  'map': [dir ~ '/cloud.maps.d/' ~ cluster ~ '.map', '0644'],
  'conf': [dir ~ '/cloud.conf.d/' ~ cluster ~ '.conf', '0644'],
} %}

{%- for part, (path, mode) in files.items() %}

k8s-cloud-{{ part }}:
  file.managed:
    - name: {{ path | json }}
    - source: salt://k8s/cloud/part.jinja
    - template: jinja
    - context: {part: {{ part | json }}}
    - mode: '{{ mode }}'
    - makedirs: true
    - show_changes: {{ (part != 'provider') | json }}
{%- endfor %}

{%- for path in salt['k8s_cloud.key_files']() %}

k8s-cloud-key-{{ loop.index }}:
  file.managed:
    - name: {{ path | json }}
    - source: salt://k8s/cloud/part.jinja
    - template: jinja
    - context: {part: {{ path | json }}}
    - mode: '0600'
    - dir_mode: '0700'
    - makedirs: true
    - show_changes: false
{%- endfor %}

k8s-cloud-deploy-script:
  file.managed:
    - name: {{ dir }}/cloud.deploy.d/k8s-minion.sh
    - source: salt://k8s/cloud/files/k8s-minion.sh
    - mode: '0755'
    - makedirs: true

# what `salt-run saltutil.sync_clouds` does
k8s-cloud-driver:
  file.managed:
    - name: {{ drivers.path }}/vmware.py
    - source: salt://_clouds/vmware.py
    - user: {{ drivers.user | json }}
    - mode: '0644'
    - makedirs: true

{%- for sentence in salt['k8s_cloud.advice']() %}

k8s-cloud-advice-{{ loop.index }}:
  test.show_notification:
    - text: {{ sentence | json }}
{%- endfor %}
{%- endif %}
