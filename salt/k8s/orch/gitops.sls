{#- On the master: fetch what was pushed, and let every minion apply what is new to it.

      salt-run state.orchestrate k8s.orch.gitops
      salt-run state.orchestrate k8s.orch.gitops pillar='{force: true}'     # formulas too, whether a pillar changed or not

    The minions are those of `saltk8s_target` in the master's configuration, or of `target` in the pillar. -#}
{%- from "k8s/orch/asked.jinja" import answer_s with context %}
{%- set target = pillar.get('target') or opts.get('saltk8s_target') or '*' %}
{%- set force = pillar.get('force') is sameas true %}
{%- macro fetch_formulas() %}

The formulas are fetched:
  salt.runner:
    - name: fileserver.update
{%- endmacro %}
{%- if (opts.get('ext_pillar') or []) | selectattr('git', 'defined') | list %}
The pillar is fetched:
  salt.runner:
    - name: git_pillar.update
{%- endif %}
{%- if force %}
{{- fetch_formulas() }}

The modules are synced:
  salt.function:
    - name: saltutil.sync_all
    - tgt: {{ target | json }}
    - timeout: {{ answer_s }}
{%- endif %}

What is new is applied:
  salt.function:
    - name: k8s_gitops.apply
    - tgt: {{ target | json }}
    - timeout: {{ answer_s }}
    - kwarg:
        force: {{ force | json }}
{%- if not force %}{#- last, because the pillar does not wait for it: formulas that changed are an event of their own, see push.reactor #}
{{- fetch_formulas() }}
{%- endif %}
