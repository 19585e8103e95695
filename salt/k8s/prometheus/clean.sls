{#- Takes the programs away, and what the highstate last said. The namespace monitoring and its claims stay: what was
    measured is there, and nowhere else. -#}
{%- from "k8s/map.jinja" import k8s with context %}
k8s-prometheus-absent:
  kubectl.absent:
    - name: prometheus
    - unprotect:
{%- for name in k8s.services.prometheus.own_namespaces[1:] %}
      - Namespace {{ name }}
{%- endfor %}

k8s-prometheus-highstate-absent:
  kubectl.absent:
    - name: prometheus-highstate
