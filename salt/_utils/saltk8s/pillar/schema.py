"""The pillar's schema: every key below ``k8s``, its type and what it means. ``docs/pillar.md`` is generated from it.

Default values are in ``salt/k8s/defaults.yaml``. Here are the machines (nodes, os, docker) and what is small; the other
sections are in the modules ``schema_<section>``.
"""

from __future__ import annotations

from saltk8s.pillar import schema_engines
from saltk8s.pillar.schema_access import AUTHENTICATION, ObjectSource
from saltk8s.pillar.schema_cloud import CLOUD
from saltk8s.pillar.schema_cluster import CLUSTER
from saltk8s.pillar.schema_services import SECTIONS, SERVICES
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.addresses import Address, Cidr
from saltk8s.pillar.vocabulary.locations import LOCATIONS
from saltk8s.pillar.vocabulary.roles import ROLES
from saltk8s.pillar.vocabulary.types import Bool, Enum, Flag, Int, Json, Key, List, Map, Section, Text

_Sls = Text("the name of an SLS, such as k8s", r"[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*", 128, doc="SLS")

_REGISTRY = Section(
    {
        "url": Key(values.RegistryUrl, "The registry.", True, "registry.osug.example"),
        "username": Key(values.Word, "User name, when the registry requires a login.", example="k8s"),
        "password": Key(values.password(""), "The user's password; the admin only."),
        "insecure": Key(Bool(), "Use plain HTTP, or HTTPS without verifying the certificate."),
        "ca": Key(values.Certificate, "The registry's CA certificate, in PEM."),
    },
    optional=True,
)

_BINARIES = Section(
    {
        **schema_engines.PROGRAMS,
        "kubectl": Key(
            schema_engines.pinned("kubectl", values.ReleaseVersion, "v1.32.6"),
            "At most one minor version from the cluster's.",
        ),
    }
)

_PROXY_URL = Text(
    "a proxy as http://host:port, without user and password: every user of a node could read them",
    r"http://[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?/?",
    doc="http:// URL",
)
_PROXY = Section(
    {
        "http": Key(_PROXY_URL, "For http:// URLs.", example="http://proxy.osug.example:3128"),
        "https": Key(_PROXY_URL, "For https:// URLs, which pass it unread.", example="http://proxy.osug.example:3128"),
        "no_proxy": Key(
            List(
                Text(
                    "a host name, .domain, address or network",
                    r"\.?[A-Za-z0-9][A-Za-z0-9.-]*(/\d{1,2})?",
                    253,
                    doc="host, `.domain`, address or network",
                )
            ),
            "What is reached without it, besides the cluster's networks, machines and registry.",
            example=[".osug.example", "10.20.0.0/16"],
        ),
    },
    optional=True,
)

_NODE = Section(
    {
        "roles": Key(
            List(Enum(*ROLES), least=1), "The node's roles: `controlplane`, `etcd`, `worker`.", True, ["worker"]
        ),
        "shape": Key(
            values.Word,
            "The shape (`k8s:cloud:shapes`) of the VM that Salt Cloud creates. Without it, the machine exists already.",
            example="worker",
        ),
        "address": Key(
            Address("optional", ("dhcp",)),
            "Its address, with prefix when Salt Cloud creates the VM; `dhcp` for a VM whose name resolves.",
            True,
            "10.20.0.21/24",
        ),
        "internal_address": Key(
            Address(), "Its address for traffic inside the cluster, when it differs.", example="192.168.7.21"
        ),
        "labels": Key(values.Labels, "Kubernetes labels.", example={"disk": "ssd"}),
        "taints": Key(List(values.Taint), "Kubernetes taints.", example=["gpu=true:NoSchedule"]),
    }
)

_OS = Section(
    {
        "packages": Key(List(values.Package), "Packages on every node besides the required ones."),
        "sysctls": Key(
            Map(values.Sysctl, Flag()),
            "Kernel settings besides the required ones.",
            example={"vm.max_map_count": "262144"},
        ),
        "kernel_modules": Key(List(values.KernelModule), "Kernel modules besides the required ones."),
        "time": Key(
            Section(
                {
                    "enabled": Key(Bool(), "Whether the nodes' clocks are synchronised."),
                    "servers": Key(
                        List(values.Host), "NTP servers; the distribution's when empty.", example=["ntp.osug.example"]
                    ),
                }
            ),
            "Time synchronisation.",
        ),
        "hosts": Key(Bool(), "Whether /etc/hosts lists all nodes."),
        "firewall": Key(
            Enum("leave", "managed"),
            "`managed` closes the ports of Kubernetes' own programs (etcd, kubelets, metrics, VXLAN ...) to all but "
            "the cluster's machines, which need static addresses; the distribution's firewall stays as it is. "
            "`leave` closes nothing.",
        ),
        "firewall_allow": Key(
            List(Cidr()),
            "Networks that may reach these ports besides the nodes' addresses: that of an interface of its own for the "
            "pods' traffic, a monitoring outside the cluster.",
            example=["10.21.0.0/24"],
        ),
        "reboots": Key(
            Section(
                {
                    "days": Key(
                        List(Enum("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
                        "Days on which it opens; every day when empty.",
                        example=["sat"],
                    ),
                    "from": Key(values.TimeOfDay, "When it opens, in UTC.", True, "02:00"),
                    "hours": Key(Int(1, 24, "hours"), "How long it is open: no reboot begins after that.", True, 4),
                },
                optional=True,
            ),
            "The window in which the orchestration `k8s.orch.nodes` reboots nodes whose reboot is pending, one at a "
            "time. Without it, only when it is told to.",
        ),
    }
)

_DOCKER = Section(
    {
        "version": Key(values.PackageVersion, "Docker's package version, or a prefix of it."),
        "package": Key(Enum("docker-ce", "docker.io"), "Docker's own package, or the one of Debian and Ubuntu."),
        "repository": Key(
            Section(
                {
                    "url": Key(
                        values.Url, "URL of the repository.", True, "https://mirror.osug.example/docker/linux/debian"
                    ),
                    "suite": Key(values.Word, "Suite; the release's code name when absent.", example="bookworm"),
                    "components": Key(List(values.Word), "Components; `stable` when empty.", example=["stable"]),
                    "key": Key(values.Source, "The repository's signing key.", example="salt://site/docker.asc"),
                    "key_sha256": Key(values.Sha256, "SHA-256 of the key, for an http(s) source."),
                },
                optional=True,
            ),
            "The package repository. Without it, the repositories that the node has already.",
        ),
        "log_max": Key(values.Size, "Size at which a container's log file is rotated."),
        "log_files": Key(Int(1, 1000), "Number of log files kept for each container."),
        "mirrors": Key(List(values.Url), "Mirrors of Docker Hub.", example=["https://mirror.osug.example"]),
        "insecure_registries": Key(
            List(values.RegistryUrl), "Registries used over plain HTTP, or without verifying their certificate."
        ),
        "live_restore": Key(Bool(), "Whether containers keep running while Docker restarts (live restore)."),
        "cgroup_driver": Key(Enum("systemd", "cgroupfs"), "The cgroup driver."),
        "data_root": Key(values.AbsolutePath, "Where Docker keeps images and containers."),
        "options": Key(
            Map(values.FlagName, Json()),
            "Further settings of daemon.json, merged over the others.",
            example={"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 65536, "Soft": 65536}}},
        ),
    }
)

_GITOPS = Section(
    {
        "enabled": Key(
            Bool(), "Whether every minion of the platform applies its pillar by itself, and looks for drift by itself."
        ),
        "every_s": Key(
            Int(10, 86400, "seconds"), "How often it asks whether its pillar changed; a third of it is added at random."
        ),
        "states": Key(List(_Sls, least=1), "What it applies.", example=["k8s", "site.motd"]),
        "drift": Key(
            Section(
                {
                    "every": Key(values.Duration, "How often the states are run with `test=True`."),
                    "heal": Key(Bool(), "Whether what differs is then applied, and not only told."),
                }
            ),
            "What is done about drift, docs/operations/drift.md.",
        ),
    }
)

SCHEMA = Section(
    {
        "cluster": Key(CLUSTER, "The cluster itself.", True),
        "registry": Key(_REGISTRY, "The site's registry. When it is set, every image is pulled through it."),
        "binaries": Key(_BINARIES, "Programs on the admin minion, with pinned versions and checksums.", True),
        "cloud": Key(CLOUD, "The vCenter where Salt Cloud creates VMs. Without it, all machines exist already."),
        "proxy": Key(_PROXY, "HTTP proxies for Docker, package sources and downloads: docs/operations/proxy.md."),
        "nodes": Key(
            Map(values.DnsName, _NODE),
            "The cluster's nodes by minion id, which is also their name in Kubernetes.",
            True,
        ),
        "os": Key(_OS, "The nodes' operating system."),
        "docker": Key(_DOCKER, "The nodes' Docker."),
        "gitops": Key(_GITOPS, "What is applied without anybody's help, docs/operations/gitops.md."),
        "locations": Key(LOCATIONS, "Storage outside the cluster that backups are written to, by name."),
        "services": Key(SERVICES, "The cluster's services, deployed in the order of defaults.yaml."),
        **SECTIONS,
        "authentication": Key(
            AUTHENTICATION,
            "How users authenticate to the API server, besides ServiceAccount tokens. No certificates of the cluster's "
            "CA for people: etcd accepts each of them.",
        ),
        "extra": Key(
            List(ObjectSource()),
            "Manifests of the site, applied after all services as the set `extra`: docs/services/extra.md.",
            example=["salt://site/k8s"],
        ),
    }
)
