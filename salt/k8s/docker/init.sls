# Docker as rke needs it: the pinned version, held against upgrades, configured from the pillar, running.
# The registry's user name and password are not set here: rke passes them to the nodes for the containers that it starts
# and to the kubelet, so a worker's pillar does not need them.
{%- from "k8s/map.jinja" import k8s with context %}
{%- from "k8s/os/family.jinja" import family with context %}
{%- if not family %}
include:
  - k8s.os
{%- elif not salt['k8s_docker.packages'](family.docker) %}
k8s-docker-package:
  k8s_host.stopped:
    - name: Docker
    - why: {{ ("k8s:docker:package is " ~ k8s.docker.package ~ ", which " ~ grains.osfinger ~ " does not have; it has " ~ (family.docker.packages | join(', '))) | json }}
{%- else %}
include:
  - k8s.docker.repository
  - k8s.docker.configured
  - k8s.docker.installed
  - k8s.docker.running
{%- endif %}
