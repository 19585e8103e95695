{#- On the admin minion: the programs, the SSH key, and the cluster itself. The key is written by k8s_cluster.prepared,
    which reads the pillar itself: a secret in here would stand in Salt's debug log. #}
{%- from "k8s/synced.jinja" import needs_sync %}
{%- if 'k8s_config.get' not in salt %}
{{ needs_sync('k8s-cluster-needs-sync') }}

{%- else %}
{%- set k8s = salt['k8s_config.get'](saltenv=saltenv, secrets=True) %}
{%- set ssh = salt['grains.filter_by']({'Debian': 'openssh-client', 'RedHat': 'openssh-clients', 'Suse': 'openssh-clients'}) %}
{%- if k8s.proxy %}

include:
  - k8s.os.proxy
{%- endif %}

k8s-cluster-ssh-client:
  pkg.installed:
    - name: {{ ssh | json }}

{%- set programs = salt['k8s_cluster.programs']() %}
{%- for program in programs %}
{%- set binary = k8s.binaries[program] %}

k8s-cluster-{{ program }}:
  file.managed:
    - name: {{ k8s.paths.bin_dir }}/{{ program }}
    - source: {{ binary.source | json }}
{%- if binary.source.startswith(('http://', 'https://', 'ftp://')) %}
    - source_hash: sha256={{ binary.sha256 }}
{%- endif %}
    - mode: '0755'
    - makedirs: True
{#- Salt compares nothing but downloads with source_hash, so the checksum of any source is checked here #}
    - check_cmd: /bin/sh -c 'echo "{{ binary.sha256 }}  $0" | sha256sum --check --status'
{%- endfor %}

k8s-cluster-files:
  k8s_cluster.prepared:
    - require:
      - pkg: k8s-cluster-ssh-client

k8s-cluster-up:
  k8s_cluster.up:
    - require:
{%- for program in programs %}
      - file: k8s-cluster-{{ program }}
{%- endfor %}
      - k8s_cluster: k8s-cluster-files

{#- What applies objects requires this: a node that is unreachable fails the state above, and does not stop them.
    require_any: after k8s-cluster-up, whatever its result, which this state looks at itself. #}
k8s-cluster-usable:
  k8s_cluster.usable:
    - require_any:
      - k8s_cluster: k8s-cluster-up
      - file: k8s-cluster-kubectl

k8s-cluster-kubectl-for-root:
  file.managed:
    - name: /etc/profile.d/saltk8s.sh
    - mode: '0644'
    - contents: |
        # Written by Salt: kubectl finds the cluster {{ k8s.cluster.name }}.
        if [ "$(id -u)" -eq 0 ]; then
          export KUBECONFIG={{ k8s.paths.kubeconfig }}
        fi
{%- endif %}
