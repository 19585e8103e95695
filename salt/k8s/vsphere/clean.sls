{#- Deletes the controllers and the storage classes. Volumes stay, but none can be attached or detached any more: stop the
    pods that use one first. The definitions that the driver itself created (cns.vmware.com) stay. -#}
{%- from "k8s/map.jinja" import k8s with context %}
k8s-vsphere-absent:
  kubectl.absent:
    - name: vsphere
    - unless_failed: k8s-cluster-usable
    - unprotect:
{%- for name in k8s.services.vsphere.own_namespaces %}
      - Namespace {{ name }}
{%- endfor %}
