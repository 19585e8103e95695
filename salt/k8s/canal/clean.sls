{#- Felix returns to its own defaults, and the global network policies are deleted. The network itself is rke's and stays. -#}
k8s-canal-absent:
  kubectl.absent:
    - name: canal
    - unless_failed: k8s-cluster-usable
