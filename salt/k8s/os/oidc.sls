# The certificate authority of the identity provider, for the API server.
{%- from "k8s/map.jinja" import k8s with context %}
{%- set oidc = k8s.authentication.oidc or {} %}
{%- set node = salt['k8s_config.node']() or {} %}
{%- set path = "/etc/kubernetes/saltk8s-oidc-ca.pem" %}
{%- if oidc.ca and "controlplane" in node.roles %}
k8s-os-oidc-ca:
  file.managed:
    - name: {{ path }}
    - contents: {{ oidc.ca | json }}
    - mode: "0644"
    - makedirs: true
{%- else %}
# it stays: an API server that still has the flag would not start again without it
k8s-os-oidc-ca:
  k8s_host.left_alone:
    - name: {{ path }}
    - why: this machine runs no API server that reads it
{%- endif %}
