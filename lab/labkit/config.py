"""Names, addresses and folders of the lab: constants only."""

from __future__ import annotations

import pathlib

from labkit.gobuild import HERE, cache_dir

LAB = HERE
ROOT = HERE.parent

NETWORK = "saltk8s-lab"
BRIDGE = "br-saltk8s"
SUBNET = "172.31.50.0/24"
CONTAINER_RANGE = "172.31.50.0/26"  # what Docker may give away; MetalLB's pool is outside
GATEWAY = "172.31.50.1"  # this machine, on the lab's network
ADMIN = "saltk8s-lab-admin"
ADMIN_ADDRESS = "172.31.50.2"
ADMIN_MINION = "k8s-admin"
NFS = "saltk8s-lab-nfs"
NFS_ADDRESS = "172.31.50.3"
NFS_EXPORTS = ("projects", "scratch", "keep")  # each /export/NAME
# every machine that can be had; which of them there are is said by the lab's pillar, see labkit/pillar.py
MACHINES = {
    **{f"k8s-cp{number}": f"172.31.50.{10 + number}" for number in (1, 2, 3)},
    **{f"k8s-w{number}": f"172.31.50.{20 + number}" for number in (1, 2, 3)},
}
PROFILES = {
    "default": ("k8s-cp1", "k8s-w1", "k8s-w2"),
    "ha": ("k8s-cp1", "k8s-cp2", "k8s-cp3", "k8s-w1", "k8s-w2"),
}
MAP = "/etc/salt/cloud.maps.d/lab.map"
CLUSTER = "lab"
DOMAIN = "lab.example"
STATE_DIR = f"/var/lib/saltk8s/{CLUSTER}"  # on the admin

REGISTRY_PORT = 5000
REGISTRY = f"{GATEWAY}:{REGISTRY_PORT}"
REGISTRY_USER = "k8s"
S3_PORT = 7070
S3_BUCKET = "k8s"
ETCD_S3_PORT = 7072  # of the snapshots' own server: no key in the cluster opens it
ETCD_S3_BUCKET = "etcd"
VCENTER_PORT = 8989
VCENTER_USER = "salt@vsphere.local"
TEMPLATE = "debian12-template"
VM_PREFIX = "vcsim-"  # how the simulator names the containers behind its VMs

DEBIAN = "bookworm"


def store() -> pathlib.Path:
    """What the next lab reuses: images, wheels, registry content, the seed of the nodes' image store."""
    return cache_dir() / "lab"


def state() -> pathlib.Path:
    """What belongs to the running lab and goes with it: keys, passwords, the nodes' disks, process ids."""
    return cache_dir() / "lab-run"


def logs() -> pathlib.Path:
    """Complete output of every step; kept after the lab is gone."""
    return ROOT / "build" / "lab-logs"


def nodes_dir() -> pathlib.Path:
    """The disks of the VMs: on the file system of the seed, because they share its files by hard link."""
    return state() / "nodes"


def nfs_dir() -> pathlib.Path:
    """What the NFS server exports: a file system of this machine, because the server needs stable file handles."""
    return state() / "nfs"


def seed_dir() -> pathlib.Path:
    """One filled image store, under the key of what is in it."""
    return store() / "seed"
