{#- Takes the programs away. The namespaces and the claims stay: what was measured is in them, and nowhere else. -#}
k8s-prometheus-absent:
  kubectl.absent:
    - name: prometheus
    - unprotect:
      - Namespace monitoring-nodes

k8s-prometheus-highstate-absent:
  kubectl.absent:
    - name: prometheus-highstate
