# A new daemon.json restarts Docker; with live-restore the containers keep running.
include:
  - k8s.docker.configured
  - k8s.docker.installed

k8s-docker-running:
  service.running:
    - name: docker
    - enable: true
    - require:
      - pkg: k8s-docker-packages
    - watch:
      - file: k8s-docker-daemon-json
