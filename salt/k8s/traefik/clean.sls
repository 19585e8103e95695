{#- Takes Traefik away: nothing answers at its address any more. Its namespace goes, with what it got by ACME. The
    definitions of its kinds stay: with them would go every route and middleware of the tenants, which no pillar holds. -#}
k8s-traefik-absent:
  kubectl.absent:
    - name: traefik
    - unprotect:
      - Namespace traefik
      - PersistentVolumeClaim traefik/acme
