# The certificate authority of the identity provider, for the API server of this control plane node. It is never removed:
# an API server that still has the flag cannot start without it.
{%- from "k8s/map.jinja" import k8s with context %}
k8s-os-oidc-ca:
  file.managed:
    - name: /etc/kubernetes/saltk8s-oidc-ca.pem
    - contents: {{ k8s.authentication.oidc.ca | json }}
    - mode: "0644"
    - makedirs: true
