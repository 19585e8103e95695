"""What follows from the tenants' pillar: RBAC subjects, network openings, namespaces of former tenants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.services import common
from saltk8s.services.tenants import openings

ROLES = {"admin": "admins", "edit": "editors", "view": "viewers"}  # Kubernetes' role: the pillar's key
API_PORT = 6443
LABEL = "saltk8s.io/tenant"  # of a namespace: its tenant
ACCOUNTS = "saltk8s-tenants"  # the namespace of the tenants' ServiceAccounts


def complete(model: dict[str, Any]) -> None:
    """Add to a checked model what follows for its tenants.

    Each tenant gets ``name``, defaults of ``namespaces`` and ``registries``, ``subjects`` (Kubernetes' role
    -> list of RBAC subjects), ``reaches`` and ``reached_by`` (sorted names of other tenants), ``outside`` (see
    openings.outside), ``address_pools`` (namespace -> names) and the path of its kubeconfig; the service gets
    ``api_url`` and ``not_internet`` (networks).
    """
    registry, state_dir = model["registry"], model["cluster"]["state_dir"]
    service = model["services"]["tenants"]
    service["api_url"] = service["api_url"] or _api_url(model)
    service["not_internet"] = openings.not_internet(model, service["closed_networks"])
    everyone = model["tenants"]
    between = _openings(everyone)
    for name, tenant in everyone.items():
        tenant["name"] = name
        tenant["namespaces"] = common.namespaces(name, tenant)
        own = tenant["registries"] or ([f"{registry['url']}/{name}"] if registry else ["*"])
        tenant["registries"] = list(dict.fromkeys([*own, *service["registries"]]))
        tenant["subjects"] = {role: _subjects(tenant, key, model["authentication"]) for role, key in ROLES.items()}
        tenant["reaches"] = sorted({other for source, other in between if source == name})
        tenant["outside"] = openings.outside(tenant["opens"], model)
        tenant["address_pools"] = {space: _pools(model, space) for space in tenant["namespaces"]}
        tenant["reached_by"] = sorted({source for source, other in between if other == name})
        kubeconfig = tenant["kubeconfig"]
        if kubeconfig:
            kubeconfig["path"] = kubeconfig["path"] or f"{state_dir}/tenants/{name}.kubeconfig"
            account = {"kind": "ServiceAccount", "name": name, "namespace": ACCOUNTS}
            tenant["subjects"][kubeconfig["role"]].append(account)


def _pools(model: dict[str, Any], namespace: str) -> list[str]:
    """Return the pools of MetalLB that Services of a tenant's namespace may name.

    One without namespaces that is not assigned by itself either is kept for what the platform names.
    """
    pools = (common.enabled(model, "metallb") or {}).get("pools") or {}
    return [
        n
        for n, pool in pools.items()
        if namespace in pool["namespaces"] or (pool["auto_assign"] and not pool["namespaces"])
    ]


def _api_url(model: Mapping[str, Any]) -> str:
    names = model["cluster"]["api_names"] or [
        node["ip"] or node["name"] for node in model["nodes"].values() if "controlplane" in node["roles"]
    ]
    return f"https://{names[0]}:{API_PORT}"


def _openings(tenants: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return (source tenant, target tenant) for each opening."""
    found = set()
    for name, tenant in tenants.items():
        found |= {(other, name) for other in tenant["opens"]["from"]}
        found |= {(name, other) for other in tenant["opens"]["to"]["tenants"]}
    return found


def _subjects(tenant: Mapping[str, Any], key: str, authentication: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return RBAC subjects: by plain names (certificates), and with the identity provider's prefixes."""
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


def orphaned_namespaces(
    live: Iterable[Mapping[str, Any]], tenants: Mapping[str, Any], removable: Iterable[str]
) -> dict[str, str]:
    """Return the namespaces of former tenants that may not be removed: name -> tenant.

    live: Namespace objects; tenants: the model's; removable: names that may be deleted. Namespaces that are
    being deleted are left out.
    """
    declared = {space for tenant in tenants.values() for space in tenant["namespaces"]} | set(removable)
    found = {}
    for obj in live:
        meta = obj["metadata"]
        if meta["name"] not in declared and not meta.get("deletionTimestamp"):
            found[meta["name"]] = (meta.get("labels") or {}).get(LABEL, "")
    return found
