"""What follows from the tenants' pillar: who is bound to what, which openings there are, quota against use."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any

from saltk8s.base import quantity

ROLES = {"admin": "admins", "edit": "editors", "view": "viewers"}  # Kubernetes' role: the pillar's key
API_PORT = 6443
LABEL = "saltk8s.io/tenant"  # of a namespace: whose it is
ACCOUNTS = "saltk8s-tenants"  # the namespace of the tenants' ServiceAccounts
# What is not the internet: private, shared, link-local and loopback addresses.
NOT_INTERNET = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8",
)  # fmt: skip


def complete(model: dict[str, Any]) -> None:
    """Add to a checked model what follows for its tenants.

    Each tenant gets ``name``, its ``namespaces`` and ``registries`` when it names none, ``subjects`` (Kubernetes' role
    -> list of RBAC subjects), ``reaches`` and ``reached_by`` (sorted names of other tenants) and the path of its
    kubeconfig; the service gets ``api_url`` and ``not_internet`` (networks).
    """
    registry, state_dir = model["registry"], model["cluster"]["state_dir"]
    service = model["services"]["tenants"]
    service["api_url"] = service["api_url"] or _api_url(model)
    service["not_internet"] = not_internet(model["cluster"]["network"])
    everyone = model["tenants"]
    openings = _openings(everyone)
    for name, tenant in everyone.items():
        tenant["name"] = name
        tenant["namespaces"] = tenant["namespaces"] or [name]
        tenant["registries"] = tenant["registries"] or ([registry["url"]] if registry else ["*"])
        tenant["subjects"] = {role: _subjects(tenant, key, model["authentication"]) for role, key in ROLES.items()}
        tenant["reaches"] = sorted({other for source, other in openings if source == name})
        tenant["reached_by"] = sorted({source for source, other in openings if other == name})
        kubeconfig = tenant["kubeconfig"]
        if kubeconfig:
            kubeconfig["path"] = kubeconfig["path"] or f"{state_dir}/tenants/{name}.kubeconfig"
            account = {"kind": "ServiceAccount", "name": name, "namespace": ACCOUNTS}
            tenant["subjects"][kubeconfig["role"]].append(account)


def not_internet(network: Mapping[str, Any]) -> list[str]:
    """Return the networks that an opening to the internet leaves shut: private ones, the pods' and the services'."""
    known = [ipaddress.IPv4Network(text) for text in NOT_INTERNET]
    own = [ipaddress.IPv4Network(network[key]) for key in ("pod_cidr", "service_cidr")]
    return [str(one) for one in known] + [str(one) for one in own if not any(one.subnet_of(other) for other in known)]


def _api_url(model: Mapping[str, Any]) -> str:
    names = model["cluster"]["api_names"] or [
        node["ip"] or node["name"] for node in model["nodes"].values() if "controlplane" in node["roles"]
    ]
    return f"https://{names[0]}:{API_PORT}"


def _openings(tenants: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return (who reaches, whom) for each opening, wherever it is written."""
    found = set()
    for name, tenant in tenants.items():
        found |= {(other, name) for other in tenant["opens"]["from"]}
        found |= {(name, other) for other in tenant["opens"]["to"]["tenants"]}
    return found


def _subjects(tenant: Mapping[str, Any], key: str, authentication: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return who is bound: by plain names (certificates), and by those that the identity provider gives."""
    oidc = authentication["oidc"] or {}
    found = []
    for kind, names, prefix in (
        ("Group", tenant[key], oidc.get("groups_prefix")),
        ("User", tenant["users"][key], oidc.get("username_prefix")),
    ):
        for name in names:
            for subject in [name, *([f"{prefix}{name}"] if prefix else [])]:
                found.append({"kind": kind, "name": subject, "apiGroup": "rbac.authorization.k8s.io"})
    return found


def lost(live: Iterable[Mapping[str, Any]], tenants: Mapping[str, Any], removable: Iterable[str]) -> dict[str, str]:
    """Return the namespaces of tenants that are in the cluster, in no pillar, and not to be removed: name -> tenant.

    live: Namespace objects; tenants: the model's; removable: names that may go. One that is going already is not lost.
    """
    declared = {space for tenant in tenants.values() for space in tenant["namespaces"]} | set(removable)
    found = {}
    for obj in live:
        meta = obj["metadata"]
        if meta["name"] not in declared and not meta.get("deletionTimestamp"):
            found[meta["name"]] = (meta.get("labels") or {}).get(LABEL, "")
    return found


def report(tenants: Mapping[str, Any], quotas: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return each tenant's quota against its use.

    tenants: the model's; quotas: live ResourceQuota objects. Returns tenant -> ``namespaces``: namespace -> resource ->
    ``used``, ``hard`` (texts, ``used`` None when nobody counted yet) and ``percent`` (None when it cannot be said); and
    ``fullest``: the highest percent of all, None without one.
    """
    by_space: dict[str, dict[str, Any]] = {}
    for obj in quotas:
        by_space.setdefault(obj["metadata"]["namespace"], {}).update(_of_quota(obj))
    answer = {}
    for name, tenant in tenants.items():
        spaces = {space: by_space.get(space, {}) for space in tenant["namespaces"]}
        percents = [one["percent"] for space in spaces.values() for one in space.values() if one["percent"] is not None]
        answer[name] = {"namespaces": spaces, "fullest": max(percents, default=None)}
    return answer


def _of_quota(obj: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    hard = (obj.get("spec") or {}).get("hard") or {}
    used = (obj.get("status") or {}).get("used") or {}
    return {
        resource: {"used": used.get(resource), "hard": most, "percent": percent(used.get(resource), most)}
        for resource, most in sorted(hard.items())
    }


def percent(used: Any, hard: Any) -> int | None:
    """Return how much of a quantity is used, in whole percent rounded up; None when nothing is known or allowed."""
    first, second = quantity.parse(used), quantity.parse(hard)
    if first is None or not second:
        return None
    return int((first * 100 / second).to_integral_value(ROUND_CEILING))


# the columns of the table: heading, resource of the quota
COLUMNS = (
    ("cpu", "requests.cpu"), ("memory", "limits.memory"), ("storage", "requests.storage"), ("pods", "pods"),
)  # fmt: skip


def table(found: Mapping[str, Any]) -> str:
    """Return a report as lines for a terminal: one a namespace, ``used/hard`` and percent for what matters most."""
    rows: list[Sequence[str]] = [("tenant", "namespace", *(heading for heading, _ in COLUMNS))]
    for name, tenant in found.items():
        for space, resources in tenant["namespaces"].items():
            rows.append((name, space, *(_cell(resources.get(resource)) for _, resource in COLUMNS)))
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cell(one: Mapping[str, Any] | None) -> str:
    if not one:
        return "no quota"
    if one["used"] is None:
        return f"?/{one['hard']}"
    share = "" if one["percent"] is None else f" {one['percent']}%"
    return f"{_short(one['used'])}/{one['hard']}{share}"


def _short(text: Any) -> str:
    """Return a use in the largest unit that it fills, with one decimal: it may come in bytes."""
    number = quantity.parse(text)
    if number is None or number < 1024:
        return str(text)
    for unit, name in ((2**40, "Ti"), (2**30, "Gi"), (2**20, "Mi"), (2**10, "Ki")):
        if number >= unit:
            return f"{(number / unit).quantize(Decimal('0.1')).normalize():f}{name}"
    return str(text)
