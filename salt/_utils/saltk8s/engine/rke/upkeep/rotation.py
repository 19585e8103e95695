"""The rotation of certificates: which are made anew, what restarts, and what has to be handed out again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.engine.rke.upkeep import certificates
from saltk8s.engine.rke.upkeep.operation import Operation
from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE, ETCD

LEAVES, AUTHORITY = "rotation of the certificates", "rotation of the certificates and their CA"
COMMAND = "k8s_keys.rotate_certificates"


def operation(authority: bool, nodes: Mapping[str, Mapping[str, Any]], state: str) -> Operation:
    """Return it. authority: of the CA too; nodes: the cluster's, as its state has them; state: the text of its file."""
    found = [row.name for row in certificates.of_state(state) if authority or row.name not in certificates.CAS]
    role = {role: [name for name, one in nodes.items() if role in one["roles"]] for role in (ETCD, CONTROL_PLANE)}
    lines = [
        f"certificates made anew: {', '.join(sorted(found))}, and those of the kubelets",
        f"restarted, all at once: etcd on {', '.join(role[ETCD])}; then the API server, controller manager and "
        f"scheduler on {', '.join(role[CONTROL_PLANE])}; then kubelet, kube-proxy and the proxy to the API servers on "
        f"all {len(nodes)} nodes",
        "no node is drained, and pods go on running; nothing can be changed until the API servers are back",
        "the admin's kubeconfig is written anew",
    ]
    if authority:
        lines += [
            "rke deletes the pods of network, DNS and metrics in kube-system, so that they trust the new CA",
            "every kubeconfig that was handed out trusts the old CA and stops working: apply k8s, hand them out again",
            "pods that read the CA once at their start have to be restarted: kubectl.rollout_restart",
            "all certificates that the old CA signed elsewhere are worthless; tokens of ServiceAccounts stay valid",
        ]
    words = ["cert", "rotate", *(["--rotate-ca"] if authority else [])]
    return Operation(AUTHORITY if authority else LEAVES, COMMAND, words, lines)
