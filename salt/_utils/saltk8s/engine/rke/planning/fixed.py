"""What is fixed once a cluster runs, because a change would end it: pure.

What runs is in rke's state file, under its own spelling (``clusterCidr`` for ``cluster_cidr`` of cluster.yml).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine import guards
from saltk8s.engine.rke.cluster_yml import SERVICES
from saltk8s.pillar.vocabulary.roles import ETCD

# the key below k8s:cluster, its place in cluster.yml, and what a change would break
KEYS = (
    ("name", ("cluster_name",), "storage, backups and metrics know the cluster by it"),
    ("network:plugin", ("network", "plugin"), "running pods would lose their network"),
    (
        "network:pod_cidr",
        ("services", "kube-controller", "cluster_cidr"),
        "nodes keep their part of the old network, so pods would lose theirs",
    ),
    (
        "network:service_cidr",
        ("services", "kube-api", "service_cluster_ip_range"),
        "the address of a Service is immutable, that of the cluster's DNS too",
    ),
    (
        "dns_domain",
        ("services", "kubelet", "cluster_domain"),
        "certificates, tokens and running pods hold the old name",
    ),
    (
        "encrypt_secrets",
        ("services", "kube-api", "secrets_encryption_config", "enabled"),
        "every Secret would be written in clear text, into etcd and into its snapshots",
    ),
)
# flags of k8s:cluster:extra_args that say the same, or where a program keeps or finds the cluster's data
FLAGS = {
    "etcd": r"data-dir|wal-dir|name|initial-.*|listen-(peer|client)-urls|advertise-client-urls|discovery.*"
    r"|force-new-cluster",
    "kube_apiserver": r"service-cluster-ip-range|etcd-(prefix|servers.*)|encryption-provider-config"
    r"|service-account-(signing-)?key-file",
    "kube_controller": r"cluster-cidr|service-cluster-ip-range|node-cidr-mask-size.*|allocate-node-cidrs"
    r"|service-account-private-key-file",
    "kubelet": r"cluster-domain|cluster-dns|cgroup-driver|root-dir|hostname-override",
    "kube_proxy": r"cluster-cidr|hostname-override",
}


def check(config: Mapping[str, Any], state: Mapping[str, Any] | None) -> None:
    """Refuse a configuration that would change what is fixed.

    config: the declared ``cluster.yml``; state: rkestate.parse, None or not running before there is a cluster. Raises
    Refused, with every key, its value in the cluster and how to go on.
    """
    if state and state["running"]:
        guards.refuse([*_keys(config, state["config"]), *_flags(config, state["config"])])


def members(config: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the members of etcd that would get another address in it, with the reason against that.

    etcd keeps the address under which a member joined, and rke restarts all members on their new ones in a row: at the
    end none of them finds another.
    """
    found = {}
    for entry in config["nodes"]:
        name = entry["hostname_override"]
        old = (state["nodes"] if state else {}).get(name)
        new = entry.get("internal_address") or entry["address"]
        if not old or not {ETCD} & set(old["roles"]) & set(entry["role"]) or old["address"] != entry["address"]:
            continue
        if old["internal_address"] != new:
            found[name] = (
                f"{name} is a member of etcd with the internal_address {old['internal_address']}, not {new}: no "
                "member would find the others"
            )
    return found


def rebuilt(state: Mapping[str, Any], blank: set[str]) -> dict[str, str]:
    """Return the members of etcd whose machine was made anew under the old name and address, with the reason.

    rke would start each as the first member of a new cluster: alone it would be an empty one, beside others it ends at
    once. blank: nodes that answered, and carry nothing of a cluster. Raises Refused when no member has data any more.
    """
    found = {name for name, node in state["nodes"].items() if ETCD in node["roles"]}
    if found and found <= blank:
        raise errors.Refused(
            f"nothing of the cluster is on {', '.join(sorted(found))} any more, the nodes with its data: rke would "
            "start an empty cluster under the same keys. Restore an etcd snapshot (docs/cluster.md, "
            '"Going back"); to give it up, move '
            "the state folder (k8s:cluster:state_dir) away"
        )
    return {
        name: f"{name} is a member of etcd, but its machine carries nothing of the cluster: it was made anew"
        for name in found & blank
    }


def _keys(config: Mapping[str, Any], running: Mapping[str, Any]) -> list[str]:
    found = []
    for key, path, why in KEYS:
        old, new = _at(running, [spelling(part) for part in path]), _at(config, path)
        if old in (None, new) or (key == "encrypt_secrets" and not old):
            continue  # Secrets that were clear text may be encrypted
        found.append(
            f"k8s:cluster:{key} is {_words(old)} in the cluster, not {_words(new)}, and cannot be changed any more: "
            f"{why}. Set it to {_words(old)} again; another one needs a new cluster"
        )
    return found


def _flags(config: Mapping[str, Any], running: Mapping[str, Any]) -> list[str]:
    found = []
    for service, pattern in FLAGS.items():
        name = SERVICES[service]
        old = _at(running, ["services", spelling(name), "extraArgs"]) or {}
        new = _at(config, ["services", name, "extra_args"]) or {}
        for flag in sorted(old.keys() | new.keys()):
            if re.fullmatch(pattern, flag) and old.get(flag) != new.get(flag):
                back = f"Set it to {old[flag]} again" if flag in old else "Remove it"
                found.append(
                    f"k8s:cluster:extra_args:{service}:{flag} is {old.get(flag, 'not set')} in the cluster, not "
                    f"{new.get(flag, 'removed')}, and cannot be changed any more: the cluster's data or addresses "
                    f"depend on it. {back}; another one needs a new cluster"
                )
    return found


def _at(tree: Any, path: Any) -> Any:
    for part in path:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree


def spelling(name: str) -> str:
    """Return a key of cluster.yml as rke's state file spells it."""
    return re.sub("[-_](.)", lambda found: found[1].upper(), name)


def _words(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
