# The secrets: for the admin minion alone (top.sls). Encrypt them: begin this file with `#!yaml|gpg` and put each value
# there as a PGP message, or read them from sdb or Vault. Replace each CHANGE-ME: the pack refuses to work with one.
k8s:
  cluster:
    ssh:
      private_key: CHANGE-ME            # the private half of k8s:cluster:ssh:public_key
  registry:
    password: CHANGE-ME                 # of k8s:registry:username
  cloud:
    provider:
      password: CHANGE-ME               # of k8s:cloud:provider:user
    defaults:
      ssh_private_key: CHANGE-ME        # of the template's ssh_user; leave it out when the template has none
  locations:
    backup:
      s3:
        access_key: CHANGE-ME           # may write to k8s:locations:backup:s3:bucket, and nothing else
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
          mattermost: CHANGE-ME         # an incoming webhook's URL; leave it out when there is none
    backup:
      encryption_password: CHANGE-ME    # of the files of volumes; keep it elsewhere too: no backup is read without it
