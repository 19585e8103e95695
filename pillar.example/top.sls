# Which minion gets what, by minion id (a grain can be forged by its minion).
base:
  '*':                                  # every minion of the platform: nothing secret here
    - k8s.cluster
    - k8s.nodes
    - k8s.services
    - k8s.tenants
  k8s-admin.osug.example:               # k8s:cluster:admin (and k8s:cloud:minion, when that is another one)
    - k8s.secrets
