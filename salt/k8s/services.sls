{#- The services, in the order of defaults.yaml: the enabled ones as declared, the others deleted. Each requires only the
    cluster, so that one that fails does not block the next. Then the site's own objects, and the summary. -#}
{%- from "k8s/map.jinja" import k8s with context %}
include:
  - k8s.cluster
{%- for name, service in k8s.services.items() %}
  - k8s.{{ name }}{{ "" if service.enabled else ".clean" }}
{%- endfor %}
  - k8s.extra

k8s-services-summary:
  k8s_config.summarised:
    - name: Status of the platform
    - order: last
