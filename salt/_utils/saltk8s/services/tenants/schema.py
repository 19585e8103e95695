"""Tenants: the sections of the pillar, and the service that applies them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.cron import Cron
from saltk8s.pillar.vocabulary.types import Bool, Enum, Key, List, Map, Report, Section, Text
from saltk8s.services import common
from saltk8s.services.tenants import model as tenants
from saltk8s.services.tenants import openings, sizes

MEANING = "The namespaces, rights, quotas and rules of `k8s:tenants`."

NAMESPACES = (tenants.ACCOUNTS,)

# Reserved besides the namespaces of the platform's services: Kubernetes' own, and those of other installers of the same
# programs; whatever begins with a prefix is reserved, too.
RESERVED = ("default", "k8up", "vmware-system-csi", "csi-nfs")
RESERVED_PREFIXES = ("kube-", "cattle-", "calico-", "saltk8s-")

# one of Kubernetes' own, such as system:authenticated, would open the tenant to everybody
_Subject = Text(
    "the name of a user or group, without blanks around it, and none of Kubernetes' own (system:...) but an account's, "
    "system:serviceaccount:NAMESPACE:NAME",
    r"(?!system:(?!serviceaccount:[a-z0-9-]+:[a-z0-9.-]+$))[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*\S)?",
    256,
)
_HostSuffix = Text(
    "a host name, or *. and the domain in which all host names are the tenant's",
    rf"(\*\.)?{values.DNS}\.{values.DNS}",
    253,
    doc="host name or *.domain",
)
_RegistryPrefix = Text(
    "host[:port][/path] without https:// in front, or * for all",
    rf"\*|{values.RegistryUrl.pattern.pattern}",
    doc="host[:port][/path] or *",
)

_KUBECONFIG = Section(
    {
        "path": Key(
            values.AbsolutePath,
            "Path on the admin minion, for root only (0600). Default: `tenants/NAME.kubeconfig` in "
            "the cluster's folder.",
            example="/srv/k8s/kubeconfigs/resif",
        ),
        "role": Key(Enum("admin", "edit", "view"), "ClusterRole of its user in the tenant's namespaces."),
        "valid": Key(values.Duration, "Validity of its token."),
        "renew_before": Key(values.Duration, "It is renewed when less than this is left."),
    },
    optional=True,
)

_LOGIN = Section(
    {
        "username": Key(Text("a user name without blanks and colons", r"[^\s:]+", 128), "User name.", True, "resif"),
        "password": Key(values.password("admin"), "Its password; the admin only."),
    },
    optional=True,
)

TENANT = Section(
    {
        "namespaces": Key(
            List(values.DnsLabel),
            "Its namespaces; one with the tenant's name when empty.",
            example=["resif", "resif-test"],
        ),
        "admins": Key(
            List(_Subject), "Groups with the ClusterRole `admin` in its namespaces.", example=["grp-resif-dev"]
        ),
        "editors": Key(List(_Subject), "Groups with the ClusterRole `edit`: all but RBAC.", example=["grp-resif-ops"]),
        "viewers": Key(
            List(_Subject), "Groups with the ClusterRole `view`: read all but Secrets.", example=["grp-resif"]
        ),
        "users": Key(
            Section(
                {
                    "admins": Key(List(_Subject), "Users as `admins`.", example=["durand"]),
                    "editors": Key(List(_Subject), "Users as `editors`."),
                    "viewers": Key(List(_Subject), "Users as `viewers`."),
                }
            ),
            "Individual users.",
        ),
        "quota": Key(sizes.QUOTA, "Quota of each of its namespaces."),
        "pod_defaults": Key(
            sizes.POD_DEFAULTS, "Default requests and limits of a container, so that the quota admits it."
        ),
        "maximum": Key(sizes.MAXIMUM, "The largest pod, all of its containers together, and the largest claim."),
        "pod_security": Key(
            Enum("baseline", "restricted", "privileged"),
            "Level of the Pod Security admission in its namespaces. `privileged` makes its people administrators of "
            "the cluster: who is root on a node has the certificate that rke gives to all nodes, which reads every "
            "Secret and opens etcd.",
        ),
        "pod_security_reason": Key(
            Text("a sentence", longest=500), "Why it is `privileged`; required then.", example="reads the node's GPU"
        ),
        "hosts": Key(
            List(_HostSuffix),
            "Host names that its Ingress objects may have; none when empty.",
            example=["*.resif.osug.example"],
        ),
        "own_certificates": Key(
            Bool(),
            "Whether its routes may show certificates from Secrets of its own, not the platform's alone. Traefik shows "
            "them for every name in them, other tenants' too: only for a tenant that is trusted with all names.",
        ),
        "registries": Key(
            List(_RegistryPrefix),
            "Registries, or folders of them, that its images may come from, besides `k8s:services:tenants:registries`; "
            "`docker.io` is Docker Hub, `*` all. Default: its own folder, of its name, in `k8s:registry`, or all when "
            "there is no such registry. Nodes pull with the platform's account: whatever that may read in these, "
            "others' private images too, the tenant can run.",
            example=["registry.osug.example/resif"],
        ),
        "registry_login": Key(
            _LOGIN, "Its own account in `k8s:registry`: the Secret `saltk8s-registry` in its namespaces, to pull with."
        ),
        "storage_classes": Key(
            List(values.DnsName), "Storage classes that its claims may use; all when empty.", example=["san"]
        ),
        "opens": Key(
            openings.OPENS, "Openings in its network policies; DNS, the ingress controller and monitoring are open."
        ),
        "backup": Key(
            Section(
                {
                    "enabled": Key(
                        Bool(), "Whether those of its namespaces that the backup service selects are backed up."
                    ),
                    "schedule": Key(Cron, "Cron schedule. Default: the backup service's.", example="30 1 * * *"),
                    "keep": Key(values.Duration, "Retention. Default: the backup service's.", example="90d"),
                    "location": Key(
                        values.DnsLabel,
                        "The entry of `k8s:locations` that K8up and Stash write its backups to; nobody else's, because "
                        "its people can read their keys. Required with these engines; not read by Velero.",
                        example="resif",
                    ),
                    "encryption_password": Key(
                        values.password(""), "Encrypts what is in that location; required with it. The admin only."
                    ),
                }
            ),
            "Backup of its namespaces.",
        ),
        "kubeconfig": Key(_KUBECONFIG, "A kubeconfig of its own; none without this key."),
    }
)

SCHEMA = Section(
    {
        "enabled": common.ENABLED,
        "allow_removal": Key(
            List(values.DnsLabel),
            "Namespaces of former tenants that may be deleted with everything in them, volumes too. No other is ever "
            "deleted.",
            example=["resif-test"],
        ),
        "registries": Key(
            List(_RegistryPrefix),
            "Registries, or folders of them, that all tenants' images may come from, such as a mirror of public ones.",
            example=["registry.osug.example/library"],
        ),
        "ingress_namespaces": Key(List(values.DnsLabel), "Namespaces of ingress controllers."),
        "monitoring_namespaces": Key(
            List(values.DnsLabel), "Namespaces of monitoring, which may read the pods' metrics."
        ),
        "closed_networks": openings.CLOSED_NETWORKS,
        "api_url": Key(
            values.Url,
            "URL of the API server in tenants' kubeconfigs. Default: the first of `k8s:cluster:api_names`, else "
            "the first control plane node, port 6443.",
            example="https://k8s.osug.example:6443",
        ),
    }
)

complete = tenants.complete  # called by the pillar's model

# Further sections below k8s: name -> key.
SECTIONS = {
    "tenants": Key(
        Map(values.DnsLabel, TENANT), "Laboratories and services by name, each a tenant; see docs/services/tenants.md."
    )
}


def _of(model: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from (model["tenants"] or {}).items()


def _names(model: dict[str, Any], report: Report) -> None:
    """A namespace belongs to one tenant, is not reserved, and its name cannot be taken for a part of another's."""
    owners: dict[str, str] = {}
    service = (model["services"] or {}).get("tenants") or {}
    chosen = (*(service.get("ingress_namespaces") or ()), *(service.get("monitoring_namespaces") or ()))
    system = {*RESERVED, *report.reserved_namespaces, *chosen}
    for name, tenant in _of(model):
        for index, space in enumerate(common.namespaces(name, tenant)):
            path = ("k8s", "tenants", name, *(("namespaces", index) if tenant["namespaces"] else ()))
            if space in system or space.startswith(RESERVED_PREFIXES):
                report.add(path, "a namespace that is not reserved for the platform", redact.show(space))
            elif space in owners:
                report.add(path, f"a namespace that k8s:tenants:{owners[space]} does not have", redact.show(space))
            else:
                _apart(path, space, {**dict.fromkeys(system, ""), **owners}, name, report)
            owners.setdefault(space, name)
    for index, space in enumerate(service.get("allow_removal") or ()):
        if space in owners:
            path = ("k8s", "services", "tenants", "allow_removal", index)
            report.add(path, f"a namespace that k8s:tenants:{owners[space]} no longer has", redact.show(space))


def _apart(path: tuple[Any, ...], space: str, others: dict[str, str], name: str, report: Report) -> None:
    """No other's namespace is the beginning of this one before a dash: Traefik joins namespace and name with one.

    others: namespace -> its tenant, "" for the platform.
    """
    platform = [f"{prefix}*" for prefix in RESERVED_PREFIXES if prefix == f"{space}-"]
    near = [other for other in others if common.joined_alike(space, other)]
    for other in (*platform, *(other for other in sorted(near) if others[other] != name)):
        whose = f"k8s:tenants:{others[other]}" if others.get(other) else "the platform"
        report.add(path, common.apart_from(other, whose), redact.show(space))


def _hosts(model: dict[str, Any], report: Report) -> None:
    """A host name belongs to one tenant: neither the same as, nor within the domain of, another's or the platform's."""
    grafana = ((common.enabled(model, "prometheus") or {}).get("grafana") or {}).get("host")
    seen: list[tuple[str, str]] = [(grafana, "k8s:services:prometheus:grafana")] if grafana else []
    for name, tenant in _of(model):
        whose = f"k8s:tenants:{name}"
        for index, host in enumerate(tenant["hosts"] or ()):
            for other, owner in seen:
                if owner != whose and (_within(host, other) or _within(other, host)):
                    path = ("k8s", "tenants", name, "hosts", index)
                    report.add(path, f"a host outside {other} of {owner}", redact.show(host))
            seen.append((host, whose))


def _within(host: str, other: str) -> bool:
    return host == other or (other.startswith("*.") and host.endswith(other[1:]))


def warnings(model: dict[str, Any]) -> list[str]:
    """Return what a valid pillar says about tenants that an operator should know: sentences."""
    return [
        f"k8s:tenants:{name}:pod_security: privileged makes whoever may create pods there an administrator of the "
        "cluster, of its Secrets and of etcd: see docs/services/tenants.md"
        for name, tenant in model["tenants"].items()
        if tenant["pod_security"] == "privileged"
    ]


def _bounds(model: dict[str, Any], report: Report) -> None:
    """A privileged tenant has a reason, and defaults are within limits."""
    files: dict[str, str] = {}
    for name, tenant in _of(model):
        path = ("k8s", "tenants", name)
        unexplained = tenant["pod_security"] == "privileged" and not tenant["pod_security_reason"]
        if unexplained and not report.has_problem_at(*path, "pod_security_reason"):
            report.add((*path, "pod_security_reason"), "why its pods have to be privileged", "nothing")
        sizes.check(path, tenant, report)
        for storage_class in tenant["quota"]["storage_classes"] or ():
            if tenant["storage_classes"] and storage_class not in tenant["storage_classes"]:
                here = (*path, "quota", "storage_classes", storage_class)
                report.add(here, f"a storage class of k8s:tenants:{name}:storage_classes", redact.show(storage_class))
        _of_kubeconfig(path, tenant["kubeconfig"], report)
        file = (tenant["kubeconfig"] or {}).get("path") or f"{model['cluster']['state_dir']}/tenants/{name}.kubeconfig"
        if files.setdefault(file, name) != name:
            expected = f"a file of its own: k8s:tenants:{files[file]} has it"
            report.add((*path, "kubeconfig", "path"), expected, redact.show(file))


def _of_kubeconfig(path: tuple[Any, ...], kubeconfig: dict[str, Any] | None, report: Report) -> None:
    """A token is valid for longer than the time before which it is renewed."""
    valid, before = ((kubeconfig or {}).get(key) for key in ("valid", "renew_before"))
    if valid and values.seconds(valid) < 600:
        expected = "10m or more, the API server's minimum"
        report.add((*path, "kubeconfig", "valid"), expected, redact.show(valid))
    if valid and before and values.seconds(before) >= values.seconds(valid):
        report.add((*path, "kubeconfig", "renew_before"), f"less than valid, {valid}", redact.show(before))


def _logins(model: dict[str, Any], report: Report) -> None:
    """An account is one of the site's registry."""
    for name, tenant in _of(model):
        if tenant["registry_login"] and not model["registry"] and not report.has_problem_at("k8s", "registry"):
            report.add(("k8s", "tenants", name, "registry_login"), "k8s:registry, whose account it is", "no registry")


RULES = (_logins, _names, _hosts, _bounds, *openings.RULES)
