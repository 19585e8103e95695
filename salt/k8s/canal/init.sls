{#- What rke leaves open of Canal: Felix' settings, and policies for the whole cluster. -#}
include:
  - k8s.cluster

k8s-canal-applied:
  kubectl.applied:
    - name: canal
    - source: salt://k8s/canal/manifests
    - require:
      - k8s_cluster: k8s-cluster-up
