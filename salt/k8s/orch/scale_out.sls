{#- Nodes that the pillar names and the cluster does not have become machines, and nodes that are ready for pods:

      salt-run state.orch k8s.orch.scale_out test=True     # the plan; nothing is written
      salt-run state.orch k8s.orch.scale_out

    Each step leaves alone what is there, so that it can be interrupted and run again. On the nodes of the cluster the
    operating system's settings are applied, which name all nodes, and never Docker. The pillar that the master gives to
    itself names the admin; where it has none (several clusters): pillar='{"admin": "k8s-admin"}'. -#}
{%- from "k8s/orch/asked.jinja" import admin, answer_s, no_admin with context %}
{%- set answers, problems = {}, [] %}
{%- for function in ('k8s_config.get', 'k8s_cluster.plan') %}
{%-   if admin and not problems %}
{%-     set answer = salt['saltutil.cmd'](admin, function, timeout=answer_s).get(admin, {}) %}
{%-     do answers.update({function: answer.get('ret')}) %}
{%-     if answer.get('retcode', 1) %}
{%-       do problems.append(answer.get('ret') or admin ~ ' does not answer') %}
{%-     endif %}
{%-   endif %}
{%- endfor %}
{%- set model, plan = answers.get('k8s_config.get'), answers.get('k8s_cluster.plan') %}
{%- set new, more = [], [] %}
{%- if admin and not problems %}
{%-   for name, change in plan.changes.get('nodes', {}).items() %}
{%-     do (more if change.old else new).append(name) %}
{%-   endfor %}
{%-   do more.extend(plan.changes.get('options', {})) %}
{%-   do more.extend(plan.changes.keys() | difference(['nodes', 'options', 'reasons'])) %}
{%- endif %}

{%- if not admin %}
{%-   do problems.append(no_admin) %}
{%- elif more %}
{%-   do problems.append('the pillar changes more than new nodes (' ~ more | join(', ') ~ '): apply that first, with state.apply k8s on the admin, or take it back') %}
{%- endif %}
{%- if problems %}
k8s-scale-out-refused:
  test.fail_without_changes:
    - name: {{ ('refused, nothing was done: ' ~ problems[0]) | json }}
    - comment: {{ problems[0] | json }}

{%- else %}
{%-   set nodes, cluster = model.nodes.keys() | list, model.cluster.name %}
{#-   test mode goes without the machines that are not there yet #}
{%-   set known = [] if opts.test else nodes %}
{%-   for name, ping in (salt['saltutil.cmd'](nodes, 'test.ping', tgt_type='list', timeout=10) if opts.test else {}).items() if ping.get('ret') %}
{%-     do known.append(name) %}
{%-   endfor %}

k8s-scale-out-plan:
  test.show_notification:
    - text: {{ plan.lines | join('\n') | json }}
{%-   set steps = [] %}
{%-   if model.cloud %}
{%-     do steps.append(('machines', [model.cloud.minion], 'k8s.cloud.machines')) %}
{%-   endif %}
{%-   do steps.append(('os', known, 'k8s.os')) %}
{%-   do steps.append(('docker', known | intersect(new), 'k8s.docker')) %}
{%-   do steps.append(('cluster', [admin], 'k8s')) %}
{%-   for step, minions, sls in steps if minions %}

k8s-scale-out-{{ step }}:
  salt.state:
    - tgt: {{ minions | json }}
    - tgt_type: list
    - sls: {{ sls }}
    - queue: true
    - failhard: true
{%-   endfor %}
{%-   if new %}

k8s-scale-out-done:
  salt.function:
    - name: event.send
    - tgt: {{ admin }}
    - arg: [saltk8s/{{ cluster }}/scale-out/done]
    - kwarg: {data: {nodes: {{ new | json }}}}
    - require:
      - salt: k8s-scale-out-cluster
{%-   endif %}
{%- endif %}
