{#- Takes the driver and the storage classes away. Volumes and their data stay, but no pod can mount or let go of a volume
    of the csi driver without it: stop those pods before. -#}
k8s-nfs-absent:
  kubectl.absent:
    - name: nfs
    - unprotect:
      - Namespace nfs-system
