"""Single operations on a live cluster, as kubectl's subcommands: cordon, drain, labels, taints, rollout, logs, ..."""
