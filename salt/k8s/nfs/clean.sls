{#- Deletes the driver and the storage classes. Volumes and their data stay, but no pod can mount or unmount a volume of
    the csi driver without it: stop those pods first. -#}
{%- from "k8s/map.jinja" import k8s with context %}
k8s-nfs-absent:
  kubectl.absent:
    - name: nfs
    - unless_failed: k8s-cluster-usable
    - unprotect:
{%- for name in k8s.services.nfs.own_namespaces %}
      - Namespace {{ name }}
{%- endfor %}
