{#- Prometheus, Alertmanager and their exporters: metrics, alerts, dashboards. -#}
include:
  - k8s.cluster

k8s-prometheus-applied:
  kubectl.applied:
    - name: prometheus
    - source: salt://k8s/prometheus/manifests
    - require:
      - k8s_cluster: k8s-cluster-usable
