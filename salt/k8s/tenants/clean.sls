{#- Deletes the tenants' RBAC, quotas, network and admission policies. Their namespaces stay with their workloads. -#}
{%- from "k8s/map.jinja" import k8s with context %}
k8s-tenants-absent:
  kubectl.absent:
    - name: tenants
    - unless_failed: k8s-cluster-usable
    - unprotect:
{%- for name in k8s.services.tenants.own_namespaces %}
      - Namespace {{ name }}
{%- endfor %}
