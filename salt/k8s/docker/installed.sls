# The pinned version, or the newest with that prefix, on hold: only a new pin in the pillar changes it, and while
# containers run, only in the node's turn.
{%- from "k8s/map.jinja" import k8s with context %}
{%- from "k8s/os/family.jinja" import family with context %}
{%- set pkgs = [] %}
{%- for name, version in salt['k8s_docker.packages'](family.docker).items() %}
{%-   do pkgs.append({name: version} if version else name) %}
{%- endfor %}
include:
  - k8s.docker.repository
  - k8s.docker.configured

{%- if family.docker.hold_needs %}

k8s-docker-can-be-held:
  pkg.installed:
    - pkgs: {{ family.docker.hold_needs | json }}
    - require_in:
      - pkg: k8s-docker-packages
{%- endif %}

{%- set waits = salt['k8s_docker.waits'](family.docker) %}
{%- if waits %}

k8s-docker-packages:
  k8s_docker.waiting:
    - name: Docker's packages
    - why: {{ waits | json }}
{%- else %}

k8s-docker-packages:
  pkg.installed:
    - pkgs: {{ pkgs | json }}
    - hold: true
    - update_holds: true
    - install_recommends: false
    - skip_suggestions: true
    - require:
      - file: k8s-docker-repository
      - k8s_docker: k8s-docker-first-daemon-json
{%- endif %}
