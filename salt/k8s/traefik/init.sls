{#- Traefik: HTTP and HTTPS from outside, at one address of MetalLB. -#}
include:
  - k8s.cluster

k8s-traefik-applied:
  kubectl.applied:
    - name: traefik
    - source: salt://k8s/traefik/manifests
    # deleted without k8s:services:traefik:acme: an authority issues certificates again
    - unprotect:
      - PersistentVolumeClaim traefik/acme
    - require:
      - k8s_cluster: k8s-cluster-usable
