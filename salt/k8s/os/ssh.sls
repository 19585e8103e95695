# rke reaches Docker's socket through an SSH connection, so the server has to allow this user to forward it.
{%- from "k8s/map.jinja" import k8s with context %}
{%- from "k8s/os/family.jinja" import family with context %}
{%- set user = k8s.cluster.ssh.user %}
include:
  - k8s.os.packages
  - k8s.os.user

k8s-os-ssh-forwarding:
  file.managed:
    - name: /etc/ssh/sshd_config.d/50-saltk8s.conf
    - contents:
      - "# written by saltk8s: rke reaches Docker's socket through SSH"
      - Match User {{ user }}
      - "    PubkeyAuthentication yes"
      - "    AllowTcpForwarding local"
      - "    AllowStreamLocalForwarding local"
    - mode: "0600"
    - makedirs: true
    - require:
      - pkg: k8s-os-packages

k8s-os-ssh-running:
  service.running:
    - name: {{ family.ssh_service | json }}
    - reload: true
    - require:
      - pkg: k8s-os-packages
    - watch:
      - file: k8s-os-ssh-forwarding

k8s-os-ssh-open:
  k8s_host.ssh_open:
    - name: rke can reach Docker through SSH
    - user: {{ user | json }}
    - require:
      - service: k8s-os-ssh-running
      - k8s-os-user
