# The user that etcd runs as, so that its files have an owner with a name. Nobody logs in as it.
{%- from "k8s/map.jinja" import k8s with context %}
k8s-os-etcd-user:
  group.present:
    - name: etcd
    - gid: {{ k8s.cluster.etcd.uid }}
  user.present:
    - name: etcd
    - uid: {{ k8s.cluster.etcd.uid }}
    - gid: {{ k8s.cluster.etcd.uid }}
    - home: /var/lib/etcd
    - createhome: false
    - shell: /usr/sbin/nologin
    - password: '*'
    - require:
      - group: k8s-os-etcd-user
