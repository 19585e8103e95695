{#- MetalLB, layer 2: addresses for services of type LoadBalancer, announced by ARP. -#}
include:
  - k8s.cluster

k8s-metallb-applied:
  kubectl.applied:
    - name: metallb
    - source: salt://k8s/metallb/manifests
    - require:
      - rke: k8s-cluster-up
