{#- Takes the controllers and the storage classes away. Volumes stay, but none can be attached or let go of any more: stop
    the pods that use one before. The definitions that the driver itself has made (cns.vmware.com) stay. -#}
{%- from "k8s/map.jinja" import k8s with context %}
k8s-vsphere-absent:
  kubectl.absent:
    - name: vsphere
    - unprotect:
{%- for name in k8s.services.vsphere.own_namespaces %}
      - Namespace {{ name }}
{%- endfor %}
