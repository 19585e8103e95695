{#- Backups: one pillar, one of three engines; each has its own manifests. -#}
{%- from "k8s/map.jinja" import k8s with context %}
include:
  - k8s.cluster

k8s-backup-applied:
  kubectl.applied:
    - name: backup
    - source: salt://k8s/backup/manifests/{{ k8s.services.backup.engine }}
{%- if k8s.services.tenants.enabled %}
    - shared_namespaces: {{ k8s.tenants.values() | map(attribute="namespaces") | sum(start=[]) | json }}
{%- endif %}
    - require:
      - k8s_cluster: k8s-cluster-usable
