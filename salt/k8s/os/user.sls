# The user that rke logs in as. Whoever may use Docker is root on the node, so its key allows nothing but forwarding.
{%- from "k8s/map.jinja" import k8s with context %}
{%- set user = k8s.cluster.ssh.user %}
{%- set home = (salt['user.info'](user) or {}).get('home') or '/home/' ~ user %}
{%- set where = 'from="' ~ k8s.cluster.ssh.from | join(",") ~ '",' if k8s.cluster.ssh.from else '' %}
{%- set mark = salt['k8s_host.own_user'](user) %}
{%- if mark %}
k8s-os-user:
  user.present:
    - name: {{ user | json }}
    - fullname: {{ mark | json }}
    - shell: /bin/bash
    - password: '*'
    - home: {{ home | json }}
{%- else %}
k8s-os-user:
  k8s_host.left_alone:
    - name: The user {{ user }}
    - why: it existed before, so only its key and its group are managed
{%- endif %}

# Docker's package uses the group when it exists already. Members are added here, because in test mode a user cannot be
# added to a group that does not exist yet.
k8s-os-docker-group:
  group.present:
    - name: docker
    - system: true
{%- if user != 'root' %}
    - addusers: [{{ user | json }}]
{%- endif %}
    - require:
      - k8s-os-user

k8s-os-user-key:
  k8s_host.block_present:
    - name: {{ home }}/.ssh/authorized_keys
    - block: rke of the cluster {{ k8s.cluster.name }}
    - lines: {{ [where ~ "restrict,port-forwarding " ~ k8s.cluster.ssh.public_key] | json }}
    - user: {{ user | json }}
    - mode: "0600"
    - require:
      - k8s-os-user
