# Two tenants of the lab: the tutorial's, and a second one that it talks to. Their kubeconfigs are used by the tests.
k8s:
  services:
    tenants:
      registries: ["172.31.50.1:5000"]          # all of it: nothing in there is private
      api_url: https://172.31.50.11:6443        # the lab has no DNS for k8s:cluster:api_names
  tenants:
    resif:
      namespaces: [grafana]
      admins: [grp-resif-dev]
      viewers: [grp-resif]
      quota: {cpu: 2, memory_gib: 4, storage_gib: 5, pods: 20}
      pod_defaults: {memory_mib: 64, memory_limit_mib: 256}
      hosts: ["*.resif.lab.example"]
      opens: {from: [ist-web], to: {networks: [172.31.50.1/32]}}
      kubeconfig: {valid: 7d, renew_before: 1d}
    ist-web:
      admins: [grp-ist-web]
      hosts: [www.lab.example]
      quota: {cpu: 1, memory_gib: 1, storage_gib: 1, pods: 10}
      kubeconfig: {role: edit, valid: 7d, renew_before: 1d}
