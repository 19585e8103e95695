# Docker's package repository, when the pillar has one; otherwise the system's own sources. The files have names of
# their own, so that removing `repository` from the pillar removes them.
{%- from "k8s/map.jinja" import k8s with context %}
{%- from "k8s/os/family.jinja" import family with context %}
{%- set place = family.docker.repository %}
{%- set repository = k8s.docker.repository %}
{%- if repository and repository.key %}
k8s-docker-repository-key:
  file.managed:
    - name: {{ place.key | json }}
    - source: {{ repository.key | json }}
{%-   if repository.key_sha256 %}
    - source_hash: sha256={{ repository.key_sha256 }}
{%-   endif %}
    - mode: "0644"
    - makedirs: true
    - require_in:
      - file: k8s-docker-repository
{%- else %}
k8s-docker-repository-key:
  file.absent:
    - name: {{ place.key | json }}
{%- endif %}

{%- if repository %}

k8s-docker-repository:
  file.managed:
    - name: {{ place.file | json }}
    - source: salt://k8s/docker/files/{{ place.template }}
    - template: jinja
    - context:
        repository: {{ repository | json }}
        key: {{ (place.key if repository.key else '') | json }}
    - mode: "0644"
    - makedirs: true

k8s-docker-repository-read:
  module.run:
    - pkg.refresh_db: []
    - onchanges:
      - file: k8s-docker-repository
{%- else %}

k8s-docker-repository:
  file.absent:
    - name: {{ place.file | json }}
{%- endif %}
