{#- Canal's settings that rke does not manage: Felix' configuration, and global network policies. -#}
include:
  - k8s.cluster

k8s-canal-applied:
  kubectl.applied:
    - name: canal
    - source: salt://k8s/canal/manifests
    - require:
      - k8s_cluster: k8s-cluster-usable
