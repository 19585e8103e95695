{#- Deletes the engine. Its kinds and its namespace are protected and stay: they hold the records of backups and
    tenants' own schedules; the backups themselves are in their location. docs/services/backup.md has the rest. -#}
k8s-backup-absent:
  kubectl.absent:
    - name: backup
    - unless_failed: k8s-cluster-usable
