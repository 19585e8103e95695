# Certificates and etcd need synchronised clocks. A time service that runs already is kept: two would conflict.
{%- from "k8s/map.jinja" import k8s with context %}
{%- from "k8s/os/family.jinja" import family, container with context %}
{%- set time = family.time %}
{%- set others = [] if container or not k8s.os.time.enabled else salt['k8s_host.other_time_services'](time.service) %}
{%- if not k8s.os.time.enabled or container or others %}
{%-   set why = "k8s:os:time:enabled is false" if not k8s.os.time.enabled else "this is a " ~ container ~ " container: its clock is its host's" if container else (others | join(', ')) ~ " is active already" %}
k8s-os-time:
  k8s_host.left_alone:
    - name: The clock
    - why: {{ why | json }}
{%- else %}
k8s-os-time-package:
  pkg.installed:
    - name: {{ time.package | json }}
    - install_recommends: false

{%-   if k8s.os.time.servers %}
{%-     set servers = [] %}
{%-     for server in k8s.os.time.servers %}
{%-       do servers.append(time.item | format(server)) %}
{%-     endfor %}

k8s-os-time-servers:
  k8s_host.block_present:
    - name: {{ time.file | json }}
    - block: time servers
    - lines: {{ (time.text | format(servers | join(time.join))).split('\n') | json }}
    - mode: "0644"
    - require:
      - pkg: k8s-os-time-package
{%-   else %}

k8s-os-time-servers:
  k8s_host.block_absent:
    - name: {{ time.file | json }}
    - block: time servers
{%-   endif %}

k8s-os-time-running:
  service.running:
    - name: {{ time.service | json }}
    - enable: true
    - require:
      - pkg: k8s-os-time-package
    - watch:
      - k8s_host: k8s-os-time-servers
{%- endif %}
