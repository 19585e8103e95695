"""The schema of ``k8s:cloud``: the vCenter, and the VMs' shapes."""

from __future__ import annotations

from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.addresses import Address
from saltk8s.pillar.vocabulary.types import Bool, Enum, Int, Key, List, Map, Section, Text

_NAME = Text("a name as vCenter shows it", r"[^\x00-\x1f\x7f]+", 255, doc="vCenter name")

# What a VM needs besides its size: set once in `defaults`, overridden in a shape.
_PLACEMENT = {
    "datacenter": Key(_NAME, "Datacenter.", example="OSUG"),
    "cluster": Key(_NAME, "Compute cluster; it or `resourcepool` is needed.", example="PROD"),
    "resourcepool": Key(_NAME, "Resource pool.", example="k8s"),
    "datastore": Key(_NAME, "Datastore or datastore cluster; the template's when absent.", example="SAN1"),
    "folder": Key(_NAME, "Folder of the VMs.", example="k8s"),
    "template": Key(_NAME, "Template that VMs are cloned from.", example="debian12"),
    "network": Key(_NAME, "Network (port group) of the first interface.", example="VLAN42"),
    "switch_type": Key(Enum("distributed", "standard"), "Type of the network's virtual switch.", example="standard"),
    "gateway": Key(Address(), "Gateway of VMs that have a static address.", example="10.20.0.1"),
    "dns": Key(List(Address()), "Name servers of VMs that have a static address.", example=["10.20.0.2"]),
    "domain": Key(values.DnsName, "DNS domain of the VMs.", example="osug.example"),
    "tags": Key(Map(_NAME, _NAME), "Tags by category; Salt 3006 ignores them.", example={"project": "k8s"}),
    "ssh_user": Key(values.UserName, "User that Salt Cloud logs in as to install the minion.", example="root"),
    "ssh_private_key": Key(values.private_key(""), "That user's private key; the cloud minion only."),
    "deploy_script": Key(values.Word, "Salt Cloud's deploy script; `k8s-minion` when absent.", example="k8s-minion"),
}

_SHAPE = Section(
    {
        "cpus": Key(Int(1, 768), "Virtual CPUs.", True, 8),
        "memory_gib": Key(Int(1, 24576, "GiB"), "Memory.", True, 32),
        "disk_gib": Key(Int(1, 63488, "GiB"), "First disk; not smaller than the template's.", True, 100),
        "extra_disks_gib": Key(List(Int(1, 63488, "GiB")), "Further disks.", example=[200]),
        "hot_add": Key(
            Bool(),
            "New VMs take CPUs and memory while they run; vSphere gives such a VM no virtual NUMA.",
            example=True,
        ),
        "networks": Key(List(_NAME), "Networks of further interfaces, which use DHCP.", example=["VLAN43"]),
        **_PLACEMENT,
    }
)

CLOUD = Section(
    {
        "minion": Key(
            values.MinionId,
            "The minion on the Salt master, which has Salt Cloud; `k8s:cluster:admin` when absent.",
            example="salt.osug.example",
        ),
        "master": Key(
            values.Host, "Name or address at which new minions reach the Salt master.", True, "salt.osug.example"
        ),
        "master_finger": Key(
            values.Fingerprint,
            "Fingerprint of the Salt master's public key (`salt-key -F master`, the line `master.pub`), which new "
            "minions insist on. Without it, a new VM trusts whoever answers first at `master`.",
            example=":".join(["5e"] * 32),
        ),
        "config_dir": Key(values.AbsolutePath, "Folder of the Salt master's configuration."),
        "provider": Key(
            Section(
                {
                    "driver": Key(Enum("vmware"), "Salt Cloud's driver."),
                    "url": Key(values.Host, "The vCenter's name or address.", True, "vcenter.osug.example"),
                    "port": Key(Int(1, 65535), "Its port."),
                    "user": Key(_NAME, "Account of the vCenter.", True, "salt@vsphere.local"),
                    "password": Key(values.password("cloud"), "The account's password; the cloud minion only."),
                    "verify_ssl": Key(Bool(), "Whether the vCenter's certificate is verified."),
                }
            ),
            "The vCenter.",
        ),
        "defaults": Key(Section(dict(_PLACEMENT)), "Defaults of all shapes."),
        "shapes": Key(Map(values.Word, _SHAPE), "VM shapes by name; a shape may override any key of `defaults`."),
    },
    optional=True,
)
