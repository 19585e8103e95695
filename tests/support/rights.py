"""What the platform's ServiceAccounts may do beyond their own objects: as rendered, and on an API server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

READ, WRITE = {"get", "list", "watch"}, {"create", "update", "patch"}
WORKLOADS = {
    *("pods", "replicationcontrollers", "deployments", "daemonsets", "statefulsets", "replicasets", "jobs", "cronjobs"),
}
# power -> the verbs and resources, one of each, that give it
POWERS = {
    "reads Secrets": (READ, {"secrets"}),
    "reads ConfigMaps": (READ, {"configmaps"}),
    "starts pods": (WRITE, WORKLOADS),
    "enters pods": (
        {"create", "get", "update", "patch"},
        {"pods/exec", "pods/attach", "pods/ephemeralcontainers", "nodes/proxy"},
    ),
    "makes tokens": ({"create"}, {"serviceaccounts/token"}),
    "grants rights": ({"bind", "escalate"}, {"roles", "clusterroles"}),
    "makes bindings": (WRITE, {"rolebindings", "clusterrolebindings"}),
    "impersonates": ({"impersonate"}, {"users", "groups", "serviceaccounts", "uids"}),
    "signs certificates": ({"approve", "sign", "update", "patch"}, {"certificatesigningrequests/approval", "signers"}),
    "changes admission": (
        WRITE,
        {
            *("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
            *("validatingadmissionpolicies", "validatingadmissionpolicybindings", "customresourcedefinitions"),
        },
    ),
    "changes nodes": ({"update", "patch", "create"}, {"nodes", "nodes/status"}),
    "makes volumes": (WRITE, {"persistentvolumes"}),
}
EVERYTHING, CLUSTER = "everything", "the cluster"


def powers(rules: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The powers that the rules of a role give; a right to objects by their names is none."""
    for rule in rules:
        verbs, resources = set(rule.get("verbs", ())), set(rule.get("resources", ()))
        if "*" in verbs and "*" in resources:
            yield EVERYTHING
        for power, (some, kinds) in POWERS.items():
            named = rule.get("resourceNames")
            if not named and ("*" in verbs or verbs & some) and ("*" in resources or resources & kinds):
                yield power


def held(objects: Iterable[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Each power that an account holds: ``namespace/account``, power, and where: a namespace or ``the cluster``."""
    everything = list(objects)
    rules = {
        (one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]): one.get("rules") or []
        for one in everything
        if one["kind"] in ("Role", "ClusterRole")
    }
    rules["ClusterRole", None, "cluster-admin"] = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    found = set()
    for binding in everything:
        if binding["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        space, role = binding["metadata"].get("namespace"), binding["roleRef"]
        key = (role["kind"], space if role["kind"] == "Role" else None, role["name"])
        for subject in binding.get("subjects") or ():
            if subject["kind"] == "ServiceAccount":
                account = f"{subject['namespace']}/{subject['name']}"
                given = set(powers(rules.get(key, ())))
                found |= {(account, power, space or CLUSTER) for power in given & {EVERYTHING} or given}
    return found


def tried(api: Any, account: str, obj: dict[str, Any], verb: str = "create") -> str:
    """What the API server says to an account, ``namespace/name``, who writes an object that is not kept; "" for yes."""
    space, _, name = account.partition("/")
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{space}", "system:authenticated")
    argv = [api.kubectl_path, "--kubeconfig", str(api.kubeconfig), f"--as=system:serviceaccount:{space}:{name}"]
    argv += [*(f"--as-group={group}" for group in groups), verb, "--dry-run=server", "-f", "-"]
    done = subprocess.run(argv, input=json.dumps(obj), capture_output=True, text=True, timeout=60, check=False)
    return done.stderr if done.returncode else ""
