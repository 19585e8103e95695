"""The schema of ``k8s:cluster``: what the engine builds, and how the admin reaches the nodes."""

from __future__ import annotations

from saltk8s.pillar import schema_engines
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.addresses import Cidr
from saltk8s.pillar.vocabulary.types import Bool, Enum, Flag, Int, Key, List, Map, Section

_NETWORK = Section(
    {
        "plugin": Key(Enum("canal"), "The network plugin. Canal: VXLAN between the nodes, and network policies."),
        "interface": Key(
            values.Interface,
            "The nodes' interface for traffic between pods. Without it, the one of the default route.",
            example="ens192",
        ),
        "pod_cidr": Key(Cidr(24), "The pods' network; each node takes a /24 of it."),
        "service_cidr": Key(Cidr(28), "The network of the services' cluster addresses."),
        "mtu": Key(
            Int(1280, 9000, "bytes"),
            "MTU of the pods' interfaces: the nodes' own less 50 for VXLAN, less 80 with encryption. Without it, that "
            "of nodes with 1500.",
            example=1450,
        ),
        "backend": Key(Enum("vxlan", "host-gw"), "How packets travel between nodes when they are not encrypted."),
        "encryption": Key(
            Enum("none", "wireguard"),
            "Whether packets between nodes are encrypted, by flannel's WireGuard: UDP port 51820, and a kernel that "
            "has WireGuard (5.6 and newer).",
        ),
    }
)

CLUSTER = Section(
    {
        "name": Key(values.ClusterName, "The cluster's name.", True, "osug"),
        "engine": Key(Enum(*schema_engines.ENGINES), "What builds the cluster."),
        "version": schema_engines.VERSION,
        "admin": Key(
            values.MinionId,
            "The only minion that holds the SSH key, the kubeconfig and the cluster's state, and that runs the "
            "engine and `kubectl`.",
            True,
            "k8s-admin.osug.example",
        ),
        "api_names": Key(
            List(values.Host),
            "Names and addresses of the API server that its certificate is valid for, besides the nodes' own.",
            example=["k8s.osug.example"],
        ),
        "network": Key(_NETWORK, "Networks of pods and services."),
        "dns_domain": Key(values.DnsName, "The DNS domain inside the cluster."),
        "etcd": Key(
            Section(
                {
                    "snapshots": Key(
                        Section(
                            {
                                "every": Key(values.Duration, "Time between two snapshots."),
                                "keep": Key(values.Duration, "How long a snapshot is kept."),
                                "s3": Key(
                                    values.DnsLabel,
                                    "The entry of `k8s:locations` that snapshots are copied to.",
                                    example="backup",
                                ),
                            }
                        ),
                        "Snapshots of etcd on the nodes that run it.",
                    )
                }
            ),
            "The cluster's database.",
        ),
        "audit_log": Key(
            Section(
                {
                    "enabled": Key(Bool(), "Whether the API server writes who did what."),
                    "keep_days": Key(Int(1, 3650, "days"), "How long the files are kept."),
                }
            ),
            "The API server's audit log, on the control plane nodes.",
        ),
        "encrypt_secrets": Key(Bool(), "Whether etcd holds Secrets encrypted."),
        "ssh": Key(
            Section(
                {
                    "user": Key(values.UserName, "Deploy user on the nodes; it is in the group of Docker."),
                    "port": Key(Int(1, 65535), "The nodes' SSH port."),
                    "public_key": Key(
                        values.PublicKey, "The deploy user's authorised key.", True, "ssh-ed25519 AAAA... k8s"
                    ),
                    "private_key": Key(values.private_key("admin"), "The same key's private half; the admin only."),
                }
            ),
            "How the admin reaches the nodes.",
        ),
        "extra_args": Key(
            Section(
                {
                    name: Key(Map(values.FlagName, Flag()), f"Flags of {program}.", example=example)
                    for name, program, example in (
                        ("kubelet", "the kubelet", {"max-pods": "250"}),
                        ("kube_proxy", "kube-proxy", {"conntrack-max-per-core": "0"}),
                        ("kube_apiserver", "the API server", None),
                        ("kube_controller", "the controller manager", None),
                        ("scheduler", "the scheduler", None),
                        ("etcd", "etcd", None),
                    )
                }
            ),
            "Further flags of the cluster's own programs, names without dashes in front.",
        ),
        "timeouts": Key(
            Section(
                {
                    "nodes_s": Key(Int(1, 86400, "seconds"), "Wait for the nodes to answer on SSH with Docker."),
                    "up_s": Key(Int(60, 86400, "seconds"), "Timeout of a run of the engine."),
                    "ready_s": Key(Int(1, 86400, "seconds"), "Wait for nodes and system workloads to be ready."),
                }
            ),
            "Bounds of what the cluster's states wait for.",
        ),
        "accept_any_docker": Key(Bool(), "Accept a Docker version that the engine does not support."),
        "allow_removal": Key(
            List(values.DnsName),
            "Nodes that may be removed from the running cluster: no other node is, whatever `k8s:nodes` says.",
            example=["k8s-w2"],
        ),
        "metrics_server": Key(Bool(), "Whether metrics-server is deployed (`kubectl top`, autoscaling)."),
        "state_dir": Key(
            values.AbsolutePath,
            "Where the admin keeps the cluster's files. Without it, `/var/lib/saltk8s/NAME`.",
            example="/srv/k8s/osug",
        ),
    }
)
