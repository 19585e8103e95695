"""What the status table is made of, read from the cluster; what cannot be read is a Failed."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import kubeconfig
from saltk8s.kubectl.manifests.identity import SET_LABEL
from saltk8s.services.backup.runs import K8UP_JOBS

CERTIFICATE_TIMEOUT_S = 10  # for the API server's certificate
MAX_REASON = 300  # characters of a Failed

Call = Callable[..., Any]  # an execution function by name, and its arguments


class Failed(str):
    """Why something could not be read, in the place of what was to be read."""

    __slots__ = ()


def read(model: Mapping[str, Any], call: Call) -> dict[str, Any]:
    """Return the facts that ``status.table`` takes. Once the API server does not answer it is not asked again.

    model: what ``k8s_config.get`` returns; call: calls an execution function, and returns a Failed when it raises.
    """
    version = call("kubectl.version")
    server = version if isinstance(version, Failed) else version["server"]
    exists = server is not None and not isinstance(server, Failed)
    ask = call if exists else lambda *_, **__: Failed("not read: see cluster")
    namespaces = ask("kubectl.get", "namespaces") if model.get("tenants") else []
    served = ask("kubectl.api_resources")
    velero = _of_group(ask, served, "velero.io", ("schedules", "backups"))
    return {
        "version": server,
        "nodes": ask("kubectl.list_nodes"),
        "sets": _sets(model["services"], ask),
        "namespaces": namespaces if isinstance(namespaces, Failed) else phases(namespaces),
        "certificates": _certificates(model["paths"]["kubeconfig"]),
        "schedules": velero["schedules"],
        "backups": velero["backups"],
        "gitops": call("k8s_gitops.status"),
        "k8up": _of_group(ask, served, "k8up.io", ("schedules", *(f"{job}s" for job in K8UP_JOBS))),
    }


def _of_group(ask: Call, served: Any, group: str, names: Iterable[str]) -> dict[str, Any]:
    """Return the objects of each kind of an API group, None for those that are not served.

    served: what ``kubectl.api_resources`` returned.
    """
    if isinstance(served, Failed):
        return dict.fromkeys(names, served)
    kinds = {name: f"{name}.{group}" for name in names}
    there = [name for name, kind in kinds.items() if kind in served]
    objects = ask("kubectl.get", ",".join(kinds[name] for name in there)) if there else []
    found: dict[str, Any] = dict.fromkeys(kinds)
    if isinstance(objects, Failed):
        return found | dict.fromkeys(there, objects)
    return found | {name: [obj for obj in objects if f"{obj['kind'].lower()}s" == name] for name in there}


def failed(err: Exception) -> Failed:
    """Return an error as a Failed, on one line."""
    return Failed(" ".join(str(err).split())[:MAX_REASON])


def phases(namespaces: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the phase of each Namespace object by name."""
    return {obj["metadata"]["name"]: (obj.get("status") or {}).get("phase", "") for obj in namespaces}


def _sets(services: Iterable[str], ask: Call) -> Any:
    """Return the live objects of each service that has a set's record, all by one LIST of each kind."""
    found = ask("kubectl.list_sets")
    if not isinstance(found, Failed):
        return found
    # One kind that cannot be listed (the conversion webhook of its versions is gone) says nothing of the other sets.
    records = ask("kubectl.get", "configmaps", namespace="kube-system", selector=SET_LABEL)
    if isinstance(records, Failed):
        return records
    names = {record["metadata"]["labels"][SET_LABEL] for record in records}
    return {name: ask("kubectl.list_set", name) for name in services if name in names}


def _certificates(path: str) -> dict[str, str]:
    """Return the certificates that the admin's access depends on, as PEM."""
    if not Path(path).exists():
        return {}
    try:
        endpoint = kubeconfig.endpoint(path)
    except errors.SaltK8sError as err:
        return {"admin kubeconfig": failed(err)}
    address = endpoint.host, endpoint.port
    found: dict[str, str] = {}
    try:
        # not verified: an expired one is to be read, too, and nothing is sent
        found["API server"] = ssl.get_server_certificate(address, timeout=CERTIFICATE_TIMEOUT_S)
    except (OSError, ValueError) as err:
        found["API server"] = Failed(f"no certificate from {endpoint.host}:{endpoint.port}: {err}")
    if endpoint.certificate:
        found["admin kubeconfig"] = endpoint.certificate
    return found
