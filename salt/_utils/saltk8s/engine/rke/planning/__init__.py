"""What ``rke up`` would change: it has no dry run, so it is computed from what goes into each thing that it deploys."""
