# The ports of Kubernetes' own programs are for the cluster's machines only. The files are for the next boot: the unit loads
# them before Docker starts. Now, the rules in force are compared and replaced where they differ.
{%- from "k8s/map.jinja" import k8s with context %}
{%- set folder = '/etc/saltk8s' %}
{%- set unit = '/etc/systemd/system/saltk8s-firewall.service' %}
{%- if k8s.os.firewall == 'managed' %}
include:
  - k8s.os.packages

k8s-os-firewall:
  k8s_host.firewall_loaded:
    - name: The ports of Kubernetes are for the cluster's machines only
    - require:
      - pkg: k8s-os-packages

{%-   for family, text in salt['k8s_host.firewall_files']().items() %}

k8s-os-firewall-{{ family | lower }}:
  file.managed:
    - name: {{ folder }}/firewall.{{ family | lower }}
    - contents: {{ text | json }}
    - mode: "0644"
    - makedirs: true
{%-   endfor %}

k8s-os-firewall-unit:
  file.managed:
    - name: {{ unit }}
    - source: salt://k8s/os/files/saltk8s-firewall.service
    - mode: "0644"

k8s-os-firewall-at-boot:
  service.enabled:
    - name: saltk8s-firewall
    - skip_verify: true  # in test mode its unit does not exist yet
    - require:
      - file: k8s-os-firewall-unit
{%- elif salt['file.file_exists'](unit) %}
k8s-os-firewall-at-boot:
  service.disabled:
    - name: saltk8s-firewall

k8s-os-firewall:
  k8s_host.firewall_unloaded:
    - name: The ports of Kubernetes are closed to nobody

k8s-os-firewall-absent:
  file.absent:
    - names:
      - {{ folder }}/firewall.ipv4
      - {{ folder }}/firewall.ipv6
      - {{ unit }}
    - require:
      - service: k8s-os-firewall-at-boot
      - k8s_host: k8s-os-firewall
{%- else %}
k8s-os-firewall:
  k8s_host.left_alone:
    - name: The firewall
    - why: 'k8s:os:firewall is leave'
{%- endif %}
