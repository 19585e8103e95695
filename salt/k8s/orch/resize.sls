{#- VMs get the size of their shapes, one node at a time where a VM has to be off:

      salt-run state.orch k8s.orch.resize test=True     # from -> to, running or off and why, what a drain meets
      salt-run state.orch k8s.orch.resize

    pillar: nodes   names of nodes, all that have a shape by default
            admin   minion id of the admin, where the master's own pillar has none or there are several clusters

    What a running VM takes is given first. Each of the others has its turn: gate, drain, off, changed, on, healthy,
    uncordoned. An interrupted run is gone on with by the next one: the VM's record says that it was being resized. -#}
{%- from "k8s/orch/asked.jinja" import admin, answer_s, no_admin with context %}
{%- set problems, got = [], {'model': none, 'plan': none, 'turns': none} %}
{%- macro ask(key, minion, function, kwarg) %}
{%-   if not problems %}
{%-     set answer = salt['saltutil.cmd'](minion, function, timeout=answer_s, kwarg=kwarg).get(minion, {'retcode': 1, 'ret': minion ~ ' does not answer'}) %}
{%-     do problems.append(answer.ret) if answer.retcode else got.update({key: answer.ret}) %}
{%-   endif %}
{%- endmacro %}
{%- if not admin %}
{%-   do problems.append(no_admin) %}
{%- endif %}
{%- do ask('model', admin, 'k8s_config.get', {}) %}
{%- if got.model and not got.model.cloud %}
{%-   do problems.append('the pillar has no k8s:cloud: none of its nodes is a VM of ours') %}
{%- endif %}
{%- set cloud = got.model.cloud.minion if got.model and got.model.cloud else none %}
{%- do ask('plan', cloud, 'k8s_cloud.resize_plan', {'names': pillar.get('nodes')}) %}
{%- set plans = got.plan.nodes if got.plan else {} %}
{%- for plan in plans.values() if plan.refused %}
{%-   do problems.extend(plan.lines) %}
{%- endfor %}
{%- do ask('turns', admin, 'k8s_nodes.turns', {'names': plans.keys() | list}) if plans %}

{%- if problems %}
k8s-resize-refused:
  test.fail_without_changes:
    - name: {{ ('refused, nothing was done: ' ~ problems | join('; ')) | json }}
    - comment: {{ problems | join('\n') | json }}

{%- else %}
{%-   set hot, cold, lines = [], [], [] %}
{%-   for name in (got.turns.order if plans else []) if name in plans %}
{%-     do (cold if plans[name].cold else hot).append(name) %}
{%-   endfor %}
{%-   set again = plans.values() | selectattr('continues') | map(attribute='node') | list %}
{%-   set cold = again + cold | difference(again) %}
{%-   for name in hot + cold %}
{%-     do lines.extend(plans[name].lines) %}
{%-     if plans[name].cold and not plans[name].off and opts.test %}
{%-       set drain = salt['saltutil.cmd'](admin, 'k8s_nodes.begin', timeout=answer_s, arg=[name], kwarg={'test': true}).get(admin, {}).get('ret', {}) %}
{%-       do lines.append('  its turn: ' ~ (drain.lines | join('\n  its turn: ') if drain.lines is defined else drain)) %}
{%-     endif %}
{%-     for number in plans[name].grown %}
{%-       do lines.append('  ' ~ name ~ ': partition and file system of disk ' ~ number ~ ' are grown in the guest: docs/operations/resize.md') %}
{%-     endfor %}
{%-     if plans[name].more and not plans[name].cold %}
{%-       do lines.append('  ' ~ name ~ ': its kubelet counts what was added once it is restarted: docs/operations/resize.md') %}
{%-     endif %}
{%-   endfor %}

k8s-resize-plan:
  test.show_notification:
    - text: {{ (lines | join('\n') or 'every VM has the size of its shape') | json }}
{%-   set before = ['test: k8s-resize-plan'] %}
{%-   for name in hot %}

k8s-resize-{{ name }}:
  salt.function:
    - name: k8s_cloud.resize
    - tgt: {{ cloud | json }}
    - arg: [{{ name | json }}]
    - timeout: 1800
    - require: [{{ before[-1] }}]
{%-     do before.append('salt: k8s-resize-' ~ name) %}
{%-   endfor %}
{%-   for name in cold %}
{%-     set steps = [
          ('begin', admin, 'k8s_nodes.begin', {}),
          ('size', cloud, 'k8s_cloud.resize', {'off': true, 'keep': true}),
          ('end', admin, 'k8s_nodes.end', {}),
          ('done', cloud, 'k8s_cloud.resize', {'off': true}),
        ] %}
{#-     one that is off was drained before that, and cannot be told of its turn #}
{%-     for step, minion, function, kwarg in (steps[1:] if plans[name].off else steps) %}

k8s-resize-{{ name }}-{{ step }}:
  salt.function:
    - name: {{ function }}
    - tgt: {{ minion | json }}
    - arg: [{{ name | json }}]
    - kwarg: {{ kwarg | json }}
    - timeout: 1800
    - require: [{{ before[-1] }}]
{%-       do before.append('salt: k8s-resize-' ~ name ~ '-' ~ step) %}
{%-     endfor %}
{%-   endfor %}
{%- endif %}
