# On every machine of the platform: what it is, for the day when its pillar is lost, and what it applies by itself.
k8s-gitops-role:
  k8s_gitops.role_remembered:
    - name: This minion remembers what it is

k8s-gitops-jobs:
  k8s_gitops.scheduled:
    - name: What is applied by itself
