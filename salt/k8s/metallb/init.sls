{#- MetalLB: addresses for services of type LoadBalancer, announced by ARP or by BGP. -#}
include:
  - k8s.cluster

k8s-metallb-applied:
  kubectl.applied:
    - name: metallb
    - source: salt://k8s/metallb/manifests
    - require:
      - k8s_cluster: k8s-cluster-usable
