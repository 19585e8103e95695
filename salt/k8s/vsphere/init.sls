{#- vSphere: the cloud controller manager, the CSI driver, and the storage classes. -#}
include:
  - k8s.cluster

k8s-vsphere-applied:
  kubectl.applied:
    - name: vsphere
    - source: salt://k8s/vsphere/manifests
    - require:
      - k8s_cluster: k8s-cluster-usable
