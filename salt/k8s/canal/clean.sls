{#- Felix goes back to its own defaults, and the policies for the whole cluster go. The network itself is rke's and stays. -#}
k8s-canal-absent:
  kubectl.absent:
    - name: canal
