{#- Removes the admin's programs. The cluster keeps running, and what is needed to manage it again is kept. #}
{%- from "k8s/synced.jinja" import needs_sync %}
{%- if 'k8s_config.get' not in salt %}
{{ needs_sync('k8s-cluster-clean-needs-sync') }}

{%- else %}
{%- set k8s = salt['k8s_config.get'](saltenv=saltenv, secrets=True) %}

k8s-cluster-clean:
  file.absent:
    - names:
{%- for program in salt['k8s_cluster.programs']() %}
      - {{ k8s.paths.bin_dir }}/{{ program }}
{%- endfor %}
      - /etc/profile.d/saltk8s.sh

k8s-cluster-clean-kept:
  test.show_notification:
    - text: >-
        {{ k8s.paths.state_dir }} was kept on purpose: the cluster's state, its keys, the kubeconfig and all backups are
        there, and without them the running cluster can never be managed again. The cluster itself was not touched.
{%- endif %}
