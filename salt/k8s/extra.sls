{#- Further objects of the site (k8s:extra), after all services. Without any, the set is deleted, except for objects of
    protected kinds (namespaces, volumes, definitions). -#}
{%- from "k8s/map.jinja" import k8s with context %}
{%- if k8s.extra %}
include:
  - k8s.cluster

k8s-extra-applied:
  kubectl.applied:
    - name: extra
    - source:
{%-   for one in k8s.extra %}
      - {{ one.source | json }}
{%-   endfor %}
    - source_hash:
{%-   for one in k8s.extra if one.sha256 %}
        {{ one.source | json }}: sha256={{ one.sha256 }}
{%-   else %}
        {}
{%-   endfor %}
    - template:
{%-   for one in k8s.extra %}
        {{ one.source | json }}: {{ "jinja" if one.jinja else "null" }}
{%-   endfor %}
    - require:
      - k8s_cluster: k8s-cluster-usable
{%- else %}
k8s-extra-absent:
  kubectl.absent:
    - name: extra
    - unless_failed: k8s-cluster-usable
{%- endif %}
