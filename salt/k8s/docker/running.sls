# daemon.json, which dockerd checks first, and the service. A new daemon.json restarts Docker: at once on a node that runs
# no container yet, else in the node's turn; with live-restore the containers keep running.
{%- from "k8s/os/family.jinja" import family with context %}
include:
  - k8s.docker.configured
  - k8s.docker.installed

k8s-docker-daemon-json:
  k8s_docker.configured:
    - name: /etc/docker/daemon.json
    - data: {{ family.docker | json }}
    - require:
      - id: k8s-docker-packages

k8s-docker-running:
  service.running:
    - name: docker
    - enable: true
    - require:
      - id: k8s-docker-packages
