{#- Deletes MetalLB and its kinds: every LoadBalancer service loses its address. The pillar has all of their content,
    so the protected kinds are named. -#}
{%- set kinds = ["ipaddresspools", "l2advertisements", "bgpadvertisements", "bgppeers", "bfdprofiles", "communities", "servicel2statuses", "servicebgpstatuses"] %}
{%- from "k8s/map.jinja" import k8s with context %}
k8s-metallb-absent:
  kubectl.absent:
    - name: metallb
    - unless_failed: k8s-cluster-usable
    - unprotect:
{%- for name in k8s.services.metallb.own_namespaces %}
      - Namespace {{ name }}
{%- endfor %}
{%- for kind in kinds %}
      - CustomResourceDefinition {{ kind }}.metallb.io
{%- endfor %}
