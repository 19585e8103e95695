{#- Takes the engine away. Its kinds and its namespace are protected and stay: they hold what says which backups exist, and
    tenants' own schedules; the backups themselves are in their location. docs/services/backup.md has the rest. -#}
k8s-backup-absent:
  kubectl.absent:
    - name: backup
