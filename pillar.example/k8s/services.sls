# The cluster's services. Disabled with `enabled: false`. All keys and defaults: docs/pillar.md.
k8s:
  services:
    metallb:
      pools:
        public:
          addresses: [10.20.0.200-10.20.0.220]      # unused addresses in the nodes' network
        # internal:
        #   addresses: [10.20.0.221-10.20.0.230]
        #   auto_assign: false                      # only for services that name this pool
        #   namespaces: [monitoring]

    traefik:
      enabled: true
      replicas: 2
      address: 10.20.0.200                          # of a pool above; the DNS names below resolve to it
      hosts: ["*.osug.example"]                     # the host names that the platform serves
      default_tls:
        certificate: CHANGE-ME                      # PEM, for these hosts, then its intermediate CAs; key: secrets.sls
      # external_traffic_policy: Local              # applications see the clients' addresses; see docs/services/traefik.md

    vsphere:
      enabled: true
      user: k8s@osug                                # with fewer privileges than Salt Cloud's; password: secrets.sls
      storage_classes:
        san: {policy: k8s-san, default: true}       # or datastore: ds:///vmfs/volumes/.../

    nfs:
      enabled: true
      exports:                                      # a storage class for each, of this name
        projects:
          server: nas1.osug.example
          path: /export/k8s
          reclaim: archive                          # a deleted claim's data is kept as archived-...; or: delete, retain
          mount_options: [nfsvers=4.1, hard]

    prometheus:
      enabled: true
      retention: 30d
      storage: san                                  # a StorageClass, not of NFS; without it the data is lost with the pod
      size_gib: 50
      receivers:
        ops: {email: [ops@osug.example]}            # critical and warning; `mattermost` and `webhooks`: secrets.sls
      smtp: {server: "smtp.osug.example:587", from: k8s@osug.example}
      probes: {portal: "https://www.osug.example"}  # must answer; its certificate's expiry is monitored
      # readers: [resif]                            # namespaces that may read their own metrics

    backup:
      enabled: true
      engine: velero                                # or k8up, or stash
      location: backup
      schedule: "30 1 * * *"
      keep: 30d
      # hooks:
      #   wiki-database:
      #     namespace: wiki
      #     selector: {app: postgres}
      #     before: [/bin/sh, -c, "pg_dumpall -U postgres > /var/lib/postgresql/data/dump.sql"]

    tenants:
      enabled: true                     # k8s:tenants, in tenants.sls
      registries: [registry.osug.example/library]       # of all tenants: the mirror of public images
      closed_networks: [10.30.0.0/24, 203.0.113.0/24]   # of vCenter, NFS, S3, registry, Salt master: not `opens: internet`
      # allow_removal: [resif-test]     # namespaces that may be deleted with everything in them; no other one is

  # Storage outside the cluster that backups are written to; the keys are in secrets.sls.
  locations:
    backup:
      s3:
        endpoint: https://s3.osug.example
        bucket: k8s
        # region: us-east-1
        # prefix: osug
    etcd:                                           # of etcd's snapshots alone: every Secret and the CA's key are in them
      s3:
        endpoint: https://s3.osug.example
        bucket: k8s-etcd                            # with a key of its own, which no program in the cluster has

  # Manifests of the site, applied after all services: folders and files of the file server.
  # extra: [salt://site/k8s, {source: salt://site/scripts, jinja: false}]   # false: the files are no templates
