{#- Deletes the programs, and the last results of the highstate and of the upkeep. The first namespace, monitoring, stays with its claims,
    which hold the only copy of the metrics. -#}
{%- from "k8s/map.jinja" import k8s with context %}
k8s-prometheus-absent:
  kubectl.absent:
    - name: prometheus
    - unless_failed: k8s-cluster-usable
    - unprotect:
{%- for name in k8s.services.prometheus.own_namespaces[1:] %}
      - Namespace {{ name }}
{%- endfor %}

k8s-prometheus-highstate-absent:
  kubectl.absent:
    - name: prometheus-highstate
    - unless_failed: k8s-cluster-usable

k8s-prometheus-upkeep-absent:
  kubectl.absent:
    - name: prometheus-upkeep
    - unless_failed: k8s-cluster-usable
