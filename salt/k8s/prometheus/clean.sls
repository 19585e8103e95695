{#- Takes the programs away, and what the highstate last said. The namespace monitoring and its claims stay: what was
    measured is there, and nowhere else. -#}
k8s-prometheus-absent:
  kubectl.absent:
    - name: prometheus
    - unprotect:
      - Namespace monitoring-nodes

k8s-prometheus-highstate-absent:
  kubectl.absent:
    - name: prometheus-highstate
