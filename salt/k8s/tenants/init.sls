{#- The tenants: their namespaces with rights, quotas, network fence and admission rules; then their kubeconfigs. Nothing
    is done while a namespace of a former tenant is neither declared nor named in allow_removal: its fence would go, and
    what runs in it would stay. -#}
{%- from "k8s/map.jinja" import k8s with context %}
include:
  - k8s.cluster

k8s-tenants-kept:
  k8s_tenants.namespaces_kept:
    - name: tenants
    - require:
      - k8s_cluster: k8s-cluster-up

k8s-tenants-applied:
  kubectl.applied:
    - name: tenants
    - source: salt://k8s/tenants/manifests
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
    - name: {{ name }}
    - require:
      - kubectl: k8s-tenants-applied
{%- endfor %}
