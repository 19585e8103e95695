# The machines: where Salt Cloud creates VMs, the nodes, their operating system and Docker.
k8s:
  cloud:
    master: salt.osug.example           # the Salt master of new minions
    # minion: salt.osug.example         # the minion on the Salt master; k8s:cluster:admin when absent
    provider:
      url: vcenter.osug.example
      user: salt@osug                   # its password is in secrets.sls
    defaults:                           # defaults of all VMs; a shape may override them
      datacenter: OSUG
      cluster: PROD
      datastore: SAN1
      folder: k8s
      template: debian12
      network: VLAN42
      gateway: 10.20.0.1
      dns: [10.20.0.2]
      domain: osug.example
    shapes:
      control: {cpus: 2, memory_gib: 8, disk_gib: 40}
      worker: {cpus: 8, memory_gib: 32, disk_gib: 100}

  # By minion id. With a shape, Salt Cloud creates the VM; without one, the machine exists already.
  nodes:
    k8s-cp1: {roles: [controlplane, etcd], shape: control, address: 10.20.0.11/24}
    k8s-cp2: {roles: [controlplane, etcd], shape: control, address: 10.20.0.12/24}
    k8s-cp3: {roles: [controlplane, etcd], shape: control, address: 10.20.0.13/24}
    k8s-w1: {roles: [worker], shape: worker, address: 10.20.0.21/24, labels: {disk: ssd}}
    k8s-w2: {roles: [worker], shape: worker, address: 10.20.0.22/24}
    k8s-gpu1: {roles: [worker], address: 10.20.0.31/24, taints: ["gpu=true:NoSchedule"]}

  os:
    sysctls: {vm.max_map_count: 262144}
    time: {servers: [ntp.osug.example]}

  docker:
    version: "5:27.5"                   # Docker's package version, or a prefix of it
    repository:                         # without it: the repositories that the node has already
      url: https://mirror.osug.example/docker/linux/debian
      key: salt://site/docker.asc
