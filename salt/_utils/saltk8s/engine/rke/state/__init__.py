"""The state file against what it should describe: its copies, the nodes, the cluster."""
