{#- Takes the controllers and the storage classes away. Volumes stay, but none can be attached or let go of any more: stop
    the pods that use one before. The definitions that the driver itself has made (cns.vmware.com) stay. -#}
k8s-vsphere-absent:
  kubectl.absent:
    - name: vsphere
    - unprotect:
      - Namespace vsphere-system
