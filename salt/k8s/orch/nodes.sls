{#- Interrupt nodes for what waits on them, one at a time: another Docker, its daemon.json, packages, a reboot.

        salt-run state.orch k8s.orch.nodes test=True     # what waits, in which order; nothing is done
        salt-run state.orch k8s.orch.nodes

    pillar: nodes     names of nodes, all of them by default
            reboot    window (k8s:os:reboots; the default), now, never
            upgrade   true: upgrade the nodes' packages, those on hold excepted
            admin     minion id of the admin, where the master's own pillar has none or there are several clusters

    A node that fails is the last one: what is left is done by the next run, which begins with that node. Nothing is
    decided here: what waits is what the nodes say, and whether a node may be interrupted, its admin and itself. -#}
{%- from "k8s/orch/asked.jinja" import admin, answer_s, no_admin with context %}
{%- set reboot, upgrade = pillar.get('reboot', 'window'), pillar.get('upgrade', false) %}
{%- set asked = salt['saltutil.cmd'](admin, 'k8s_nodes.turns', timeout=answer_s, kwarg={'names': pillar.get('nodes')}).get(admin, {}) if admin else {} %}
{%- set problems, work = [], [] %}
{%- if not admin %}
{%-   do problems.append(no_admin) %}
{%- elif asked.get('retcode', 1) %}
{%-   do problems.append(asked.get('ret') or admin ~ ' does not answer') %}
{%- endif %}
{%- set turns = asked.get('ret') if not problems else {'order': [], 'open': none} %}
{%- set answers = salt['saltutil.cmd'](turns.order, 'k8s_nodes.pending', tgt_type='list', timeout=answer_s, kwarg={'reboot': reboot}) if turns.order else {} %}
{%- for name in turns.order %}
{%-   set answer = answers.get(name, {}) %}
{%-   if answer.get('retcode', 1) %}
{%-     do problems.append(name ~ ': ' ~ (answer.get('ret') or 'its minion does not answer')) %}
{%-   elif answer.ret.lines or upgrade or name == (turns.open or {}).get('node') %}
{%-     do work.append(name) %}
{%-   endif %}
{%- endfor %}
{%- if problems %}
k8s-nodes-refused:
  test.fail_without_changes:
    - name: {{ ('refused, nothing was done: ' ~ problems | join('; ')) | json }}
    - comment: {{ problems | join('\n') | json }}

{%- else %}
{%-   set plan = [(work | length) ~ ' of ' ~ (turns.order | length) ~ ' nodes are interrupted, one after the other: ' ~ (work | join(', ') or 'none')] %}
{%-   for name in turns.order %}
{%-     for line in answers[name].ret.lines + answers[name].ret.later %}
{%-       do plan.append('  ' ~ name ~ ': ' ~ line) %}
{%-     endfor %}
{%-   endfor %}

k8s-nodes-plan:
  test.show_notification:
    - text: {{ plan | join('\n') | json }}
{%-   for name in work %}
{%-     set before = loop.previtem if not loop.first else none %}

k8s-nodes-{{ name }}-begin:
  salt.function:
    - name: k8s_nodes.begin
    - tgt: {{ admin | json }}
    - arg: [{{ name | json }}]
    - kwarg: {drain: {{ (upgrade or answers[name].ret.drain) | json }}}
    - timeout: 900
    - require:
      - {{ ('salt: k8s-nodes-' ~ before ~ '-end') if before else 'test: k8s-nodes-plan' }}
{%-     if upgrade %}

k8s-nodes-{{ name }}-upgrade:
  salt.function:
    - name: pkg.upgrade
    - tgt: {{ name | json }}
    - timeout: 1800
    - require:
      - salt: k8s-nodes-{{ name }}-begin
{%-     endif %}

k8s-nodes-{{ name }}-apply:
  salt.state:
    - tgt: {{ name | json }}
    - sls: [k8s.os, k8s.docker]
    - queue: true
    - timeout: 1800
    - require:
      - salt: k8s-nodes-{{ name }}-{{ 'upgrade' if upgrade else 'begin' }}

k8s-nodes-{{ name }}-reboot:
  salt.function:
    - name: k8s_nodes.reboot
    - tgt: {{ name | json }}
    - kwarg: {when: {{ reboot | json }}}
    - timeout: 300
    - require:
      - salt: k8s-nodes-{{ name }}-apply

k8s-nodes-{{ name }}-end:
  salt.function:
    - name: k8s_nodes.end
    - tgt: {{ admin | json }}
    - arg: [{{ name | json }}]
    - timeout: 1800
    - require:
      - salt: k8s-nodes-{{ name }}-reboot
{%-   endfor %}
{%- endif %}
