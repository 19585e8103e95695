# HTTP proxies for package sources, and for what Salt downloads itself (the minion's process reads it when it starts).
# Docker's are in its daemon.json. The files have names of their own: without k8s:proxy they are removed.
{%- set proxy = salt['k8s_host.proxy']() %}
{%- set minion = opts.get('config_dir', '/etc/salt') ~ '/minion.d/saltk8s-proxy.conf' %}
{%- if proxy %}
k8s-os-proxy-of-salt:
  file.serialize:
    - name: {{ minion | json }}
    - dataset: {{ proxy.salt | json }}
    - serializer: yaml
    - mode: "0644"
    - makedirs: true
{%- else %}
k8s-os-proxy-of-salt:
  file.absent:
    - name: {{ minion | json }}
{%- endif %}

{%- if grains.os_family == 'Debian' %}

k8s-os-proxy-of-packages:
{%-   if proxy %}
  file.managed:
    - name: /etc/apt/apt.conf.d/95saltk8s-proxy
    - contents: {{ proxy.apt | json }}
    - mode: "0644"
{%-   else %}
  file.absent:
    - name: /etc/apt/apt.conf.d/95saltk8s-proxy
{%-   endif %}
{%- elif grains.os_family == 'RedHat' %}

k8s-os-proxy-of-packages:
{%-   if proxy %}
  k8s_host.block_present:
    - name: /etc/dnf/dnf.conf
    - block: proxy
    - lines: {{ proxy.dnf | json }}
    - mode: "0644"
{%-   else %}
  k8s_host.block_absent:
    - name: /etc/dnf/dnf.conf
    - block: proxy
{%-   endif %}
{%- endif %}
