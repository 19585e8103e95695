# The secrets: for the admin minion only (top.sls). Encrypt them: begin this file with `#!yaml|gpg` and put each value
# there as a PGP message, or read them from sdb or Vault. Replace each CHANGE-ME: the pack refuses a pillar that has one.
k8s:
  cluster:
    ssh:
      private_key: CHANGE-ME            # the private key of k8s:cluster:ssh:public_key
  registry:
    password: CHANGE-ME                 # of k8s:registry:username
  cloud:
    provider:
      password: CHANGE-ME               # of k8s:cloud:provider:user
    defaults:
      ssh_private_key: CHANGE-ME        # of the template's ssh_user; omit it when the template has none
  locations:
    backup:
      s3:
        access_key: CHANGE-ME           # may write to k8s:locations:backup:s3:bucket, and nothing else
        secret_key: CHANGE-ME
    etcd:
      s3:
        access_key: CHANGE-ME           # another one
        secret_key: CHANGE-ME
  services:
    traefik:
      default_tls:
        key: CHANGE-ME                  # the private key of its certificate
    vsphere:
      password: CHANGE-ME               # of k8s:services:vsphere:user
    prometheus:
      receivers:
        ops:
          mattermost: CHANGE-ME         # URL of an incoming webhook; omit it when there is none
    backup:
      encryption_password: CHANGE-ME    # of the volumes' files; keep a copy elsewhere: without it no backup can be restored
