# The cluster's services. Off with `enabled: false`; what is not here has a default.
k8s:
  services:
    metallb:
      pools:
        # internal:
        #   addresses: [10.20.0.221-10.20.0.230]
        #   auto_assign: false                      # only for services that name this pool
        #   namespaces: [monitoring]
        public:
          addresses: [10.20.0.200-10.20.0.220]      # addresses of the nodes' network that nobody else uses
    vsphere:
      enabled: true
      user: k8s@osug                                # fewer rights than Salt Cloud's; its password is in secrets.sls
      storage_classes:
        san: {policy: k8s-san, default: true}       # or datastore: ds:///vmfs/volumes/.../
    nfs:
      enabled: true
      exports:                                      # a storage class for each, of this name
        projects:
          server: nas1.osug.example
          path: /export/k8s
          reclaim: archive                          # a deleted claim's data stays as archived-...; or: delete, retain
          mount_options: [nfsvers=4.1, hard]
