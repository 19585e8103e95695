# Kernel settings, now and at every boot. In a container only those of its network; the others are its host's.
{%- from "k8s/map.jinja" import k8s with context %}
{%- from "k8s/os/family.jinja" import common, family with context %}
{%- set values = {} %}
{%- do values.update(common.sysctls) %}
{%- do values.update(family.get('sysctls', {})) %}
{%- do values.update(k8s.os.sysctls) %}
{%- set lines = ["# written by saltk8s: what Kubernetes needs of the kernel"] %}
{%- for name, value in salt['k8s_host.own_sysctls'](values).items() %}
{%-   do lines.append(name ~ " = " ~ value) %}
{%- endfor %}
include:
  - k8s.os.modules

k8s-os-sysctls:
  k8s_host.sysctls_set:
    - name: The kernel is set for Kubernetes
    - values: {{ values | json }}
    - require:
      - k8s_host: k8s-os-modules

k8s-os-sysctls-at-boot:
  file.managed:
    - name: /etc/sysctl.d/90-saltk8s.conf
    - contents: {{ lines | json }}
    - mode: "0644"
    - makedirs: true
