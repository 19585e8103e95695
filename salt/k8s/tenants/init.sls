{#- The tenants: their namespaces with RBAC, quotas, network and admission policies; then their kubeconfigs. Nothing
    is changed while a namespace of a former tenant is neither declared nor named in allow_removal: its policies would
    be deleted, while its workloads keep running. What fails for one tenant is reported, and does not stop the others:
    neither their objects nor their kubeconfigs. -#}
{%- from "k8s/map.jinja" import k8s with context %}
include:
  - k8s.cluster

k8s-tenants-kept:
  k8s_tenants.namespaces_kept:
    - name: tenants
    - require:
      - k8s_cluster: k8s-cluster-usable

k8s-tenants-applied:
  kubectl.applied:
    - name: tenants
    - source: salt://k8s/tenants/manifests
    - shared_namespaces: {{ (k8s.tenants.values() | map(attribute="namespaces") | sum(start=k8s.services.tenants.allow_removal)) | json }}
{%- if k8s.services.tenants.allow_removal %}
    - unprotect:
{%-   for namespace in k8s.services.tenants.allow_removal %}
      - Namespace {{ namespace }}
{%-   endfor %}
{%- endif %}
    - require:
      - k8s_tenants: k8s-tenants-kept
{%- for name, tenant in k8s.tenants.items() if tenant.kubeconfig %}

k8s-tenants-kubeconfig-{{ name }}:
  k8s_tenants.kubeconfig_present:
    - name: {{ name | json }}
    - require:
      - k8s_tenants: k8s-tenants-kept
{%- endfor %}
{%- if k8s.tenants.values() | selectattr("opens.internet") | list %}

# a name may get another address at any time: said here, and stops nothing
k8s-tenants-closed:
  k8s_tenants.machines_closed:
    - name: tenants
{%- endif %}
