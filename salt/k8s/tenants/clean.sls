{#- Takes the tenants' rights, quotas, fences and rules away. Their namespaces stay, with all that runs in them. -#}
k8s-tenants-absent:
  kubectl.absent:
    - name: tenants
    - unprotect:
      - Namespace saltk8s-tenants
