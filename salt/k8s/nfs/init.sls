{#- NFS: a storage class for each export, and the driver that provisions the volumes. -#}
include:
  - k8s.cluster

k8s-nfs-applied:
  kubectl.applied:
    - name: nfs
    - source: salt://k8s/nfs/manifests
    - require:
      - k8s_cluster: k8s-cluster-usable
