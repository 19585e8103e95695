# The cluster's services. Off with `enabled: false`; what is not here has a default.
k8s:
  services:
    metallb:
      pools:
        public:
          addresses: [10.20.0.200-10.20.0.220]      # addresses of the nodes' network that nobody else uses
        # internal:
        #   addresses: [10.20.0.221-10.20.0.230]
        #   auto_assign: false                      # only for services that name this pool
        #   namespaces: [monitoring]
    prometheus:
      enabled: false                                # true: needs a StorageClass `san`, or no `storage`
      retention: 30d
      storage: san                                  # a StorageClass; without it the data is lost with the pod
      size_gib: 50
      receivers:
        ops: {email: [ops@osug.example]}            # critical and warning; `mattermost` and `webhooks`: secrets.sls
      smtp: {server: "smtp.osug.example:587", from: k8s@osug.example}
      probes: {portal: "https://www.osug.example"}  # must answer, and its certificate's end is watched
      # readers: [resif]                            # namespaces that may read their own metrics
