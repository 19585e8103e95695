{#- Deletes Traefik: nothing answers at its address any more. Its namespace is deleted with its ACME certificates. The
    definitions of its kinds stay: with them every route and middleware of the tenants would be deleted. -#}
{%- from "k8s/map.jinja" import k8s with context %}
k8s-traefik-absent:
  kubectl.absent:
    - name: traefik
    - unless_failed: k8s-cluster-usable
    - unprotect:
{%- for name in k8s.services.traefik.own_namespaces %}
      - Namespace {{ name }}
{%- endfor %}
      - PersistentVolumeClaim traefik/acme
