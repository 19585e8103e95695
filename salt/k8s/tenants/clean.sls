{#- Takes the tenants' rights, quotas, fences and rules away. Their namespaces stay, with all that runs in them. -#}
{%- from "k8s/map.jinja" import k8s with context %}
k8s-tenants-absent:
  kubectl.absent:
    - name: tenants
    - unprotect:
{%- for name in k8s.services.tenants.own_namespaces %}
      - Namespace {{ name }}
{%- endfor %}
