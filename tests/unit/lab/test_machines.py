"""The arguments with which a VM's container is created."""

from __future__ import annotations

import shlex

from labkit import machines

GO = "go1.26.8"


def test_node_arguments_keep_their_quoting(cache):
    arguments = shlex.split(machines.node_arguments(GO))
    assert "a *:* rwm" in arguments
    assert f"{cache}/lab-run/nodes/{{name}}/docker:/var/lib/docker" in arguments
    assert "--privileged" not in arguments
    assert not [part for part in arguments if "/sys/fs/cgroup" in part]
    assert arguments[-1].startswith("saltk8s-lab/node:")
