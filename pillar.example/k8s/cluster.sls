# The cluster; every minion gets this file, so no secrets. All keys and defaults: docs/pillar.md.
# Replace each CHANGE-ME: the pack refuses a pillar that has one.
k8s:
  cluster:
    name: osug
    version: v1.32.6-rancher1-1
    admin: k8s-admin.osug.example       # the only minion that holds keys, kubeconfig and the cluster's state
    api_names: [k8s.osug.example]       # names under which the API server is reached
    network:
      interface: ens192                 # the nodes' interface for the pods' traffic
      pod_cidr: 10.42.0.0/16            # these two are used inside the cluster only, and must be free at the site
      service_cidr: 10.43.0.0/16
      mtu: 1450
    etcd:
      snapshots: {every: 6h, keep: 7d, s3: etcd}      # s3: a location of services.sls
    audit_log: {keep_days: 30}
    ssh:
      user: rke
      public_key: CHANGE-ME             # ssh-keygen -t ed25519 -N '' -C rke ; the private half goes to secrets.sls
      # from: [10.20.0.5/32]            # where the key may be used from: the admin's addresses
    # extra_args:
    #   kubelet: {max-pods: 200}
    # allow_removal: [k8s-w2]           # nodes that may be removed from the running cluster; no other one is

  # The site's registry: when set, every image is pulled through it. Its password is in secrets.sls.
  registry:
    url: registry.osug.example
    username: k8s

  # The admin's programs, from the site's mirror. `sha256sum` prints the checksum.
  binaries:
    rke:
      source: https://mirror.osug.example/rke/v1.8.5/rke_linux-amd64
      version: v1.8.5
      sha256: CHANGE-ME
    kubectl:
      source: https://mirror.osug.example/kubernetes/v1.32.6/kubectl
      version: v1.32.6
      sha256: CHANGE-ME
