# Overrides for the lab: its network, its simulated vCenter, and what one machine with many nodes needs.
k8s:
  cluster:
    name: lab
    admin: k8s-admin
    api_names: [k8s.lab.example]
    network: {interface: eth0}
    accept_any_docker: true             # Debian's docker.io
    extra_args:
      etcd: {listen-metrics-urls: "http://0.0.0.0:2381"}
      kubelet:
        # all nodes share one disk, disk pressure would let the kubelet delete the images that came with the VM
        image-gc-high-threshold: "100"
        image-gc-low-threshold: "99"
        eviction-hard: memory.available<100Mi
      kube_proxy:
        # these belong to the machine under the nodes, which the lab leaves as it is
        conntrack-max-per-core: "0"
        conntrack-tcp-timeout-established: 0s
        conntrack-tcp-timeout-close-wait: 0s

  registry:
    url: 172.31.50.1:5000
    username: k8s

  binaries:
    rke: {source: /srv/saltk8s/binaries/rke}
    kubectl: {source: /srv/saltk8s/binaries/kubectl}

  cloud:
    master: 172.31.50.2
    provider:
      url: 172.31.50.1
      port: 8989
      user: salt@vsphere.local
    defaults:
      datacenter: DC0
      cluster: DC0_C0
      resourcepool: DC0_C0_RP1
      datastore: LocalDS_0
      folder: k8s
      template: debian12-template
      network: DC0_DVPG0
      gateway: 172.31.50.1
      dns: [172.31.50.1]
      domain: lab.example
    shapes:
      control: {cpus: 2, memory_gib: 4, disk_gib: 20}
      worker: {cpus: 2, memory_gib: 4, disk_gib: 20}

  os: {firewall: managed}

  docker:
    version: "20.10"
    package: docker.io                  # from the packages that lie in the template
    cgroup_driver: cgroupfs             # a node is a container: its systemd does not own the machine's control groups
    options:
      # the machine may lack a capability that Docker grants to containers; see lab/README.md
      default-runtime: runc-lab
      runtimes: {runc-lab: {path: /usr/local/sbin/runc-lab}}

  services:
    metallb:
      pools:
        public: {addresses: [172.31.50.200-172.31.50.220]}
      l2: {interfaces: [eth0]}
    traefik:
      address: 172.31.50.200
      hosts: ["*.lab.example"]          # certificate and key are made for each lab
      namespaces: [e2e-traefik, e2e-traefik-b]  # of tests/e2e/test_traefik.py
    vsphere:
      user: salt@vsphere.local          # the simulator has one account
      storage_classes:
        # not the default class: a disk of the simulator cannot be attached
        san: {policy: vSAN Default Storage Policy, default: false}
    nfs:
      driver: subdir                    # the csi driver is not available here; see lab/README.md
      exports:
        projects: {server: 172.31.50.3, path: /export/projects, reclaim: archive, mount_options: [nfsvers=3, nolock]}
        scratch: {server: 172.31.50.3, path: /export/scratch, reclaim: delete, default: true, mount_options: [nfsvers=3, nolock]}
        keep: {server: 172.31.50.3, path: /export/keep, reclaim: retain, mount_options: [nfsvers=3, nolock]}
    prometheus:
      enabled: true
      storage: null                     # Prometheus maps files into memory: no NFS; tests/e2e gives it a volume for a while
      size_gib: 2
      memory_mib: 1024
      scrape_interval_s: 10             # the tests wait for scrapes
      smtp: null
      receivers: {ops: {email: []}}     # a webhook, see labkit/pillar.py
      probes: {portal: "tcp://172.31.50.200:443"}
      readers: [e2e-metrics, grafana]   # of tests/e2e/test_prometheus.py, and the tenant resif
    backup:
      schedule: "0 3 * * *"
      hooks:
        e2e:                            # of tests/e2e/test_backup.py
          namespace: e2e-backup
          selector: {app: notes}
          before: [/bin/sh, -c, "echo by the hook > /data/dumped"]

  locations:
    backup:
      s3: {endpoint: "https://172.31.50.1:7070", bucket: k8s, prefix: lab}
    etcd:
      s3: {endpoint: "https://172.31.50.1:7072", bucket: etcd, prefix: lab}
