"""The schema of ``k8s:cluster``: what the engine builds, and how the admin reaches the nodes."""

from __future__ import annotations

import ipaddress

from saltk8s.pillar import schema_engines
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.addresses import Address, Cidr
from saltk8s.pillar.vocabulary.free_form import FreeForm
from saltk8s.pillar.vocabulary.types import Bool, Enum, Flag, Int, Key, List, Map, Secret, Section, Text, parse_or_none

_ACI_BASE64 = Text("base64 on one line", r"[A-Za-z0-9+/]+={0,2}", 16384, doc="base64")
_VLAN = Int(1, 4094)
_MULTICAST = Text(
    "an IPv4 multicast address such as 225.2.1.1",
    r"2(2[4-9]|3\d)(\.\d{1,3}){3}",
    test=lambda text: parse_or_none(ipaddress.IPv4Address, text) is not None,
    doc="IPv4 multicast address",
)
_GATEWAY = Text(
    "a gateway with its network's prefix, such as 10.2.0.1/16",
    r"\d{1,3}(\.\d{1,3}){3}/\d{1,2}",
    test=lambda text: Address("required").accept(text) is not None,
    doc="IPv4 address/prefix",
)
ACI = Section(
    {
        "system_id": Key(values.Word, "`aci_config:system_id`: the prefix of all objects on the fabric.", True, "osug"),
        "apic_hosts": Key(List(values.Host, least=1), "The fabric's controllers (APIC).", True, ["10.0.0.11"]),
        "apic_user": Key(values.Word, "The APIC user that `acc-provision` made.", True, "osug"),
        "apic_user_key": Key(
            Secret("admin", "the user's private key, base64 on one line", "secret: base64", pattern=r"[A-Za-z0-9+/=]+"),
            "The user's private key; the admin only.",
        ),
        "apic_user_crt": Key(_ACI_BASE64, "The user's certificate, base64 on one line.", True, "LS0t..."),
        "token": Key(values.Word, "`token`: the id of this version of the configuration.", True, "5a1c..."),
        "vmm_domain": Key(values.Word, "The VMM domain; the system's id when absent."),
        "vmm_controller": Key(values.Word, "The VMM controller; the system's id when absent."),
        "encap_type": Key(Enum("vxlan", "vlan"), "How the fabric's ports carry the pods' packets."),
        "mcast_start": Key(_MULTICAST, "First multicast address of the VMM domain.", True, "225.2.1.1"),
        "mcast_end": Key(_MULTICAST, "Last multicast address.", True, "225.2.255.255"),
        "aep": Key(values.Word, "The attachable entity profile.", True, "k8s-aep"),
        "vrf": Key(values.Word, "The VRF.", True, "k8s-vrf"),
        "vrf_tenant": Key(values.Word, "The VRF's tenant.", True, "common"),
        "l3out": Key(values.Word, "The L3 outside.", True, "k8s-out"),
        "l3out_networks": Key(List(values.Word, least=1), "Its external networks.", True, ["k8s-ext"]),
        "node_gateway": Key(_GATEWAY, "`node_subnet`: the nodes' gateway.", True, "10.20.0.1/24"),
        "dynamic_gateway": Key(
            _GATEWAY,
            "`extern_dynamic`: what Services of type LoadBalancer get.",
            True,
            "10.3.0.1/24",
        ),
        "static_gateway": Key(
            _GATEWAY, "`extern_static`: addresses for Services that name theirs.", True, "10.4.0.1/24"
        ),
        "service_gateway": Key(_GATEWAY, "`node_svc_subnet`: the service graph's network.", True, "10.5.0.1/24"),
        "kubeapi_vlan": Key(_VLAN, "VLAN of the nodes.", True, 4001),
        "service_vlan": Key(_VLAN, "VLAN of the service graph.", True, 4003),
        "infra_vlan": Key(_VLAN, "The fabric's infrastructure VLAN.", True, 4093),
        "options": Key(
            Map(Text("an option of rke's such as aci_multipod", r"aci_[a-z0-9_]+", 80, doc="option"), Flag()),
            "Further options of rke's plugin.",
            example={"aci_controller_log_level": "debug"},
        ),
    },
    optional=True,
)

_NETWORK = Section(
    {
        "plugin": Key(
            Enum("canal", "aci"),
            "The network plugin. Canal: VXLAN between the nodes, and network policies. `aci`: Cisco ACI's, on a fabric "
            "that was prepared for it.",
        ),
        "aci": Key(
            ACI,
            "What `acc-provision` made for the fabric, for the plugin `aci`: docs/cluster.md.",
        ),
        "interface": Key(
            values.Interface,
            "The nodes' interface for traffic between pods. Without it, the interface of the default route.",
            example="ens192",
        ),
        "pod_cidr": Key(Cidr(24), "The pod network; each node gets a /24 of it."),
        "service_cidr": Key(Cidr(28), "The network of the Services' cluster IPs."),
        "mtu": Key(
            Int(1280, 9000, "bytes"),
            "MTU of the pods' interfaces: the nodes' MTU less 50 for VXLAN, less 80 with encryption. Without it, "
            "the one for nodes with 1500.",
            example=1450,
        ),
        "backend": Key(Enum("vxlan", "host-gw"), "The flannel backend between nodes, when packets are not encrypted."),
        "encryption": Key(
            Enum("none", "wireguard"),
            "Whether packets between nodes are encrypted, by flannel's WireGuard: UDP port 51820, and a kernel that "
            "has WireGuard (5.6 and newer).",
        ),
    }
)

_KUBELET = Section(
    {
        "pod_max_pids": Key(Int(64, 4194304), "Processes and threads that a pod may have."),
        "seccomp_default": Key(
            Bool(), "Whether a pod that names no seccomp profile runs under the container runtime's own."
        ),
        "protect_kernel_defaults": Key(
            Bool(),
            "Whether a kubelet refuses to start when the kernel is set otherwise than it expects, instead of "
            "changing it. `k8s.os` sets the kernel so.",
        ),
        "serving_certificates": Key(
            Bool(),
            "Whether kubelets get a certificate of the cluster's CA, which the API server then verifies. Without "
            "effect while a node uses DHCP: the certificate would lack its address.",
        ),
    }
)

_ADMISSION = Section(
    {
        "pod_security": Key(
            Enum("privileged", "baseline", "restricted"),
            "Pod Security level of a namespace that has no label `pod-security.kubernetes.io/enforce`. `kube-system` "
            "is exempt; all namespaces of the platform and of tenants have the label.",
        ),
        "event_rate_limit": Key(
            Bool(), "Whether the API server limits the Events of one namespace, and of all together."
        ),
        "always_pull_images": Key(
            Bool(),
            "Whether every start of a container asks the registry. Then no pod starts, not even one of the platform, "
            "while the registry is away; and it does not keep images of others private, because the kubelets have "
            "the platform's own login (`k8s:registry:username`).",
        ),
    }
)

_UPGRADE = Section(
    {
        "workers": Key(
            Text("a number of nodes, or a percentage such as 10%", r"[1-9]\d?%?|100%", doc="number or percentage"),
            "How many nodes with the role `worker` alone are drained at the same time, a percentage rounded down. "
            "After each of so many the run goes on when the cluster is healthy. All others are drained one by one.",
            example="2",
        ),
        "accept_removed": Key(
            List(Text("an API version such as group.k8s.io/v1beta1", r"[a-z0-9.-]+/v[0-9a-z]+", doc="API version")),
            "API versions whose use does not stop an upgrade to a Kubernetes that no longer serves them.",
            example=["flowcontrol.apiserver.k8s.io/v1beta3"],
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
            "Further names and addresses in the API server's certificate, besides those of the nodes.",
            example=["k8s.osug.example"],
        ),
        "network": Key(_NETWORK, "Networks of pods and Services."),
        "dns_domain": Key(values.DnsName, "The DNS domain inside the cluster."),
        "etcd": Key(
            Section(
                {
                    "snapshots": Key(
                        Section(
                            {
                                "every": Key(values.Duration, "Snapshot interval."),
                                "keep": Key(values.Duration, "Snapshot retention."),
                                "s3": Key(
                                    values.DnsLabel,
                                    "Location (`k8s:locations`) of the snapshots' copies; no backup engine's.",
                                    example="etcd",
                                ),
                            }
                        ),
                        "etcd snapshots, on the nodes with the role `etcd`.",
                    ),
                    "uid": Key(
                        Int(1, 2147483646),
                        "Number of the user and the group that etcd runs as and that own its files; `k8s.os` makes "
                        "them, named `etcd`. Without it, root.",
                        example=52034,
                    ),
                }
            ),
            "The cluster's database.",
        ),
        "audit_log": Key(
            Section(
                {
                    "enabled": Key(Bool(), "Whether the API server writes an audit log."),
                    "keep_days": Key(Int(1, 3650, "days"), "Retention of the log files."),
                }
            ),
            "The API server's audit log, on the control plane nodes.",
        ),
        "encrypt_secrets": Key(Bool(), "Whether Secrets are encrypted at rest in etcd."),
        "ssh": Key(
            Section(
                {
                    "user": Key(values.UserName, "Deploy user on the nodes, a member of the group `docker`."),
                    "port": Key(Int(1, 65535), "The nodes' SSH port."),
                    "public_key": Key(
                        values.PublicKey, "The deploy user's public key.", True, "ssh-ed25519 AAAA... k8s"
                    ),
                    "from": Key(
                        List(Cidr(32)),
                        "Where the key may be used from: the admin's addresses, as networks. Everywhere when empty. "
                        "With a list that lacks its address the admin cannot log in.",
                        example=["10.20.0.5/32"],
                    ),
                    "private_key": Key(values.private_key("admin"), "The private key of `public_key`; the admin only."),
                }
            ),
            "How the admin reaches the nodes.",
        ),
        "kubelet": Key(_KUBELET, "What holds for every kubelet."),
        "admission": Key(_ADMISSION, "What the API server admits."),
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
            "Further command-line flags of the cluster's components, without leading dashes.",
        ),
        "engine_config": Key(
            FreeForm(),
            "Further content of the engine's own configuration (rke: cluster.yml, where `nodes` is a map by their "
            "names), laid over what follows from all other keys; null takes a key out. For what no other key has: "
            "docs/operations/take-over.md.",
            example={"dns": {"upstreamnameservers": ["10.20.0.2"]}},
        ),
        "upgrade": Key(_UPGRADE, "How the nodes of a live cluster are upgraded."),
        "timeouts": Key(
            Section(
                {
                    "nodes_s": Key(
                        Int(1, 86400, "seconds"),
                        "How long to wait for SSH and Docker on every node.",
                    ),
                    "up_s": Key(
                        Int(60, 86400, "seconds"),
                        "Timeout of one run of the engine, without what `up_node_s` adds.",
                    ),
                    "up_node_s": Key(
                        Int(0, 86400, "seconds"),
                        "Added to `up_s` for each turn of a run: each control plane and etcd member has its own, the "
                        "other nodes as many at a time as `upgrade:workers` says.",
                    ),
                    "ready_s": Key(Int(1, 86400, "seconds"), "How long to wait for nodes and system workloads."),
                }
            ),
            "Timeouts of the cluster's states.",
        ),
        "accept_any_docker": Key(Bool(), "Accept a Docker version that the engine does not support."),
        "allow_removal": Key(
            List(values.DnsName),
            "Nodes that may be removed from the running cluster; no other node is removed, whatever `k8s:nodes` says.",
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
