{#- The table of contents: what this minion does follows from the pillar, by minion id, never from a grain.

    node    os, docker
    admin   cluster (its engine), services (kubectl)
    cloud   cloud (what salt-cloud reads)

    A minion can have several of these roles. Any obstacle is reported by one state. -#}
{%- from "k8s/synced.jinja" import needs_sync %}
{%- if 'k8s_config.get' not in salt or 'k8s_host.family' not in salt or 'k8s_gitops.lost' not in salt %}
{{ needs_sync('k8s', "run  salt '" ~ opts.id ~ "' saltutil.sync_all  and then this again. To have new minions do that by themselves, see docs/install.md.") }}

{%- elif salt['k8s_gitops.lost']() %}
k8s:
  k8s_host.stopped:
    - name: This minion
    - why: {{ salt['k8s_gitops.lost']() | json }}

{%- elif not pillar.get('k8s') %}
k8s:
  k8s_host.left_alone:
    - name: This minion
    - why: its pillar has no `k8s`. If it is part of the platform, the pillar's top.sls has to give it the platform's files.

{%- else %}
{%-   set checked = salt['k8s_config.validate'](saltenv=saltenv) %}
{%-   if not checked.valid %}
{%-     set lines = ["the pillar k8s is not valid, and nothing was done. To be corrected:"] %}
{%-     for problem in checked.problems %}
{%-       do lines.append("  " ~ problem.path ~ ": got " ~ problem.value ~ "; expected " ~ problem.expected) %}
{%-     endfor %}
k8s:
  k8s_host.stopped:
    - name: This minion
    - why: {{ lines | join('\n') | json }}

{%-   else %}
{%-     set roles = salt['k8s_config.get'](saltenv=saltenv, secrets=True).minion.roles %}
{%-     if not roles %}
k8s:
  k8s_host.left_alone:
    - name: This minion
    - why: {{ ("the pillar does not name " ~ opts.id ~ ", neither under k8s:nodes nor as k8s:cluster:admin or k8s:cloud:minion") | json }}
{%-       if salt['k8s_gitops.status']().role %}

k8s-gitops-role:
  k8s_gitops.role_forgotten:
    - name: This minion remembers what it is

k8s-gitops-jobs:
  k8s_gitops.scheduled:
    - name: What is applied by itself
{%-       endif %}

{%-     else %}
include:
  - k8s.gitops
{%-       if 'node' in roles %}
  - k8s.os
  - k8s.docker
{%-       endif %}
{%-       if 'cloud' in roles %}
  - k8s.cloud
{%-       endif %}
{%-       if 'admin' in roles %}
  - k8s.cluster
  - k8s.services
{%-       endif %}
{%-     endif %}
{%-   endif %}
{%- endif %}
