# Reverts k8s.os, after k8s.docker.clean. The distribution's packages stay (others may need them), kernel settings and
# modules stay until the next boot, the host name stays.
{%- from "k8s/map.jinja" import k8s with context %}
{%- from "k8s/os/family.jinja" import family, container with context %}
{%- set user = k8s.cluster.ssh.user %}
{%- set info = salt['user.info'](user) or {} %}
{%- set home = info.get('home') or '/home/' ~ user %}
{%- if family %}
k8s-os-ssh-forwarding-absent:
  file.absent:
    - name: /etc/ssh/sshd_config.d/50-saltk8s.conf

k8s-os-ssh-reloaded:
  service.running:
    - name: {{ family.ssh_service | json }}
    - reload: true
    - watch:
      - file: k8s-os-ssh-forwarding-absent

k8s-os-user-key-absent:
  k8s_host.block_absent:
    - name: {{ home }}/.ssh/authorized_keys
    - block: rke of the cluster {{ k8s.cluster.name }}

{%- if info and salt['k8s_host.own_user'](user) %}

k8s-os-user-absent:
  user.absent:
    - name: {{ user | json }}
    - require:
      - k8s_host: k8s-os-user-key-absent
{%- endif %}

{%- if salt['file.file_exists']('/etc/systemd/system/saltk8s-firewall.service') %}

k8s-os-firewall-at-boot:
  service.disabled:
    - name: saltk8s-firewall

k8s-os-firewall:
  k8s_host.firewall_unloaded:
    - name: The ports of Kubernetes are closed to nobody

k8s-os-firewall-absent:
  file.absent:
    - names:
      - /etc/saltk8s/firewall.ipv4
      - /etc/saltk8s/firewall.ipv6
      - /etc/systemd/system/saltk8s-firewall.service
    - require:
      - service: k8s-os-firewall-at-boot
      - k8s_host: k8s-os-firewall
{%- endif %}

k8s-os-swap-back:
  k8s_host.swap_restored:
    - name: The node may swap from the next boot on

{%- if not container %}

k8s-os-swap-at-boot-again:
  service.unmasked:
    - name: swap.target
{%- endif %}

k8s-os-files-absent:
  file.absent:
    - names:
      - /etc/sysctl.d/90-saltk8s.conf
      - /etc/modules-load.d/saltk8s.conf
      - /etc/apt/apt.conf.d/95saltk8s-proxy
      - {{ opts.get('config_dir', '/etc/salt') }}/minion.d/saltk8s-proxy.conf

{%- if grains.os_family == 'RedHat' %}

k8s-os-proxy-of-packages-absent:
  k8s_host.block_absent:
    - name: /etc/dnf/dnf.conf
    - block: proxy
{%- endif %}

k8s-os-hosts-absent:
  k8s_host.block_absent:
    - name: /etc/hosts
    - block: nodes of the cluster {{ k8s.cluster.name }}

k8s-os-time-servers-absent:
  k8s_host.block_absent:
    - name: {{ family.time.file | json }}
    - block: time servers
{%- endif %}
