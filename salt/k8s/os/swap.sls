# The kubelet needs swap off: now, in /etc/fstab, and no swap unit at boot.
{%- from "k8s/os/family.jinja" import container with context %}
k8s-os-swap:
  k8s_host.swap_off:
    - name: The node does not swap

{%- if not container %}

k8s-os-swap-at-boot:
  service.masked:
    - name: swap.target
{%- endif %}
