"""Snapshots of etcd: where they lie, what is in one, and whether it can be restored."""
