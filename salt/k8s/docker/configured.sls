# daemon.json and the registry's CA certificate, before Docker is installed and starts for the first time. One that is
# installed gets another daemon.json in running.sls, after its packages.
{%- from "k8s/map.jinja" import k8s with context %}
k8s-docker-first-daemon-json:
  k8s_docker.prepared:
    - name: /etc/docker/daemon.json

{%- if k8s.registry %}
{%-   set folder = '/etc/docker/certs.d/' ~ salt['k8s_docker.registry_host'](k8s.registry.url) %}
{%-   if k8s.registry.ca %}

# Docker reads it for each pull: nothing has to be restarted
k8s-docker-registry-ca:
  file.managed:
    - name: {{ folder }}/saltk8s.crt
    - contents: {{ k8s.registry.ca | json }}
    - mode: "0644"
    - makedirs: true
{%-   else %}

k8s-docker-registry-ca:
  file.absent:
    - name: {{ folder }}/saltk8s.crt
{%-   endif %}
{%- endif %}
