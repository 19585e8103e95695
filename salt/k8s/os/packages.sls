# Programs that kubelet and kube-proxy call, and the packages of the pillar.
{%- from "k8s/map.jinja" import k8s with context %}
{%- from "k8s/os/family.jinja" import family with context %}
k8s-os-packages:
  pkg.installed:
    - pkgs: {{ (family.packages + k8s.os.packages) | unique | list | json }}
    - install_recommends: false
