# What RKE and Kubernetes need of a node's operating system, one file for each subject, in this order.
{%- from "k8s/os/family.jinja" import family with context %}
{%- if not family %}
k8s-os-family:
  k8s_host.stopped:
    - name: The operating system
    - why: {{ (grains.get('osfinger', 'it') ~ " (os_family " ~ grains.get('os_family') ~ ", os " ~ grains.get('os') ~ ", osrelease " ~ grains.get('osrelease') ~ ") is not in salt/k8s/os/families.yaml: not supported, nothing was done") | json }}
{%- else %}
include:
  - k8s.os.proxy
  - k8s.os.packages
  - k8s.os.name
  - k8s.os.time
  - k8s.os.modules
  - k8s.os.sysctls
  - k8s.os.swap
  - k8s.os.user
{%- set k8s = salt['k8s_config.get'](saltenv=saltenv, secrets=True) %}
{%- if (k8s.authentication.oidc or {}).get('ca') and 'controlplane' in k8s.nodes.get(opts.id, {}).get('roles', []) %}
  - k8s.os.oidc
{%- endif %}
{%- if k8s.cluster.etcd.uid and 'etcd' in k8s.nodes.get(opts.id, {}).get('roles', []) %}
  - k8s.os.etcd
{%- endif %}
  - k8s.os.ssh
  - k8s.os.firewall
{%- endif %}
