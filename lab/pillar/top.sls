# The example's pillar with the lab's laid over it; pillar.example/top.sls is the operator's. The example's nodes.sls is
# not here: another file cannot take away the machines that it names.
base:
  '*':
    - k8s.cluster
    - k8s.services
    - lab.platform
    - lab.tenants
    - lab.generated       # written by `make lab`: public keys and checksums
    - lab.nodes           # written by `make lab`: the machines of its profile, to be edited as an operator does
  k8s-admin:
    - k8s.secrets
    - lab.secrets         # written by `make lab`: this lab's keys and passwords
