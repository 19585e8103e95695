"""What ``rke`` leaves on a node, and how it is found over SSH."""

from __future__ import annotations

from saltk8s.engine.ssh import Inspection

KEYS = "/etc/kubernetes/ssl"
INSPECTION = Inspection(
    runtime="Docker",
    command=(
        "docker version --format 'runtime {{.Server.Version}}' && "
        "docker ps -a --filter name=kube --filter name=etcd --format "
        r"'container {{.Names}} {{.Status}}\nimage {{.Names}} {{.Image}}' && "
        f"if test -d {KEYS}; then echo trace {KEYS}; fi"
    ),
    containers=("etcd", "kube-apiserver", "kubelet"),
)
