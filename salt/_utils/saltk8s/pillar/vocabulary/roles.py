"""The roles of a node, and etcd's quorum: for the pillar's rules and for the engines' guards."""

from __future__ import annotations

CONTROL_PLANE = "controlplane"
ETCD = "etcd"
WORKER = "worker"
ROLES = (CONTROL_PLANE, ETCD, WORKER)


def quorum(members: int) -> int:
    """Return how many of etcd's members have to run, so that it takes writes."""
    return members // 2 + 1


def tolerated(members: int) -> int:
    """Return how many of etcd's members may fail: an even number tolerates no more than the odd one below it."""
    return members - quorum(members)
