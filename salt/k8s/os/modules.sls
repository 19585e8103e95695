# Kernel modules, loaded now and at every boot. In a container the first state only reports what is missing.
{%- from "k8s/map.jinja" import k8s with context %}
{%- from "k8s/os/family.jinja" import common, family, container with context %}
{%- set modules = (common.kernel_modules + family.get('kernel_modules', []) + (['wireguard'] if k8s.cluster.network.encryption == 'wireguard' else []) + k8s.os.kernel_modules) | unique | list %}
k8s-os-modules:
  k8s_host.modules_loaded:
    - name: The kernel has what Kubernetes needs
    - modules: {{ modules | json }}

{%- if not container %}

k8s-os-modules-at-boot:
  file.managed:
    - name: /etc/modules-load.d/saltk8s.conf
    - contents: {{ (["# written by saltk8s: what Kubernetes needs of the kernel"] + modules) | json }}
    - mode: "0644"
    - makedirs: true
{%- endif %}
