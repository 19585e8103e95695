# Reverts k8s.docker: images, containers and volumes stay in Docker's data folder. Remove the node from the cluster
# first.
{%- from "k8s/map.jinja" import k8s with context %}
{%- from "k8s/os/family.jinja" import family with context %}
{%- set packages = salt['k8s_docker.packages'](family.docker) if family else {} %}
{%- if packages %}
k8s-docker-stopped:
  service.dead:
    - name: docker
    - enable: false

k8s-docker-packages-released:
  pkg.unheld:
    - pkgs: {{ packages | list | json }}

k8s-docker-packages-removed:
  pkg.removed:
    - pkgs: {{ packages | list | json }}
    - require:
      - service: k8s-docker-stopped
      - pkg: k8s-docker-packages-released

k8s-docker-files-absent:
  file.absent:
    - names:
      - /etc/docker/daemon.json
      - {{ family.docker.repository.file | json }}
      - {{ family.docker.repository.key | json }}
{%-   if k8s.registry %}
      - /etc/docker/certs.d/{{ salt['k8s_docker.registry_host'](k8s.registry.url) }}/saltk8s.crt
{%-   endif %}
    - require:
      - pkg: k8s-docker-packages-removed
{%- endif %}
