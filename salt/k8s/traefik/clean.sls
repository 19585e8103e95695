{#- Takes Traefik away: nothing answers at its address any more. Its namespace goes, with what it got by ACME. The
    definitions of its kinds stay: with them would go every route and middleware of the tenants, which no pillar holds. -#}
{%- from "k8s/map.jinja" import k8s with context %}
k8s-traefik-absent:
  kubectl.absent:
    - name: traefik
    - unprotect:
{%- for name in k8s.services.traefik.own_namespaces %}
      - Namespace {{ name }}
{%- endfor %}
      - PersistentVolumeClaim traefik/acme
