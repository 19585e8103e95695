# The node's host name is its minion id, and every node resolves the others without a name server.
{%- from "k8s/map.jinja" import k8s with context %}
k8s-os-hostname:
  k8s_host.hostname_set:
    - name: {{ k8s.minion.id | json }}

k8s-os-hosts:
  k8s_host.block_{{ 'present' if k8s.os.hosts else 'absent' }}:
    - name: /etc/hosts
    - block: nodes of the cluster {{ k8s.cluster.name }}
{%- if k8s.os.hosts %}
    - lines: {{ salt['k8s_host.host_lines']() | json }}
{%- endif %}
