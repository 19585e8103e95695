{#- Takes the programs away. The namespace monitoring and its claims stay: what was measured is there, and nowhere else.
    So does the ConfigMap `highstate` in it, which is a set of its own. -#}
k8s-prometheus-absent:
  kubectl.absent:
    - name: prometheus
    - unprotect:
      - Namespace monitoring-nodes
