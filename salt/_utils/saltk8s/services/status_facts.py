"""What the status table is made of, read from the cluster; what cannot be read is a Failed."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import kubeconfig
from saltk8s.kubectl.health import summary
from saltk8s.kubectl.manifests.identity import SET_LABEL
from saltk8s.services.backup.runs import K8UP_JOBS

CERTIFICATE_TIMEOUT_S = 10  # for the API server's certificate
MAX_REASON = 300  # characters of a Failed
BACKUPS = (
    ("schedules.velero.io", "backups.velero.io"),
    ("schedules.k8up.io", *(f"{job}s.k8up.io" for job in K8UP_JOBS)),
)
HEALTHY = {"ready": True, "reason": ""}  # what is shown of an object without anything to say

Call = Callable[..., Any]  # an execution function by name, and its arguments


class Failed(str):
    """Why something could not be read, in the place of what was to be read."""

    __slots__ = ()


def read(model: Mapping[str, Any], call: Call, healthy: Mapping[str, int]) -> dict[str, Any]:
    """Return the facts that ``status.table`` takes. Once the API server does not answer it is not asked again.

    model: what ``k8s_config.get`` returns; call: calls an execution function, and returns a Failed when it raises;
    healthy: {service: how many objects its set has} of those that were found healthy a moment ago.
    """
    version = call("kubectl.version")
    server = version if isinstance(version, Failed) else version["server"]
    exists = server is not None and not isinstance(server, Failed)
    ask = call if exists else lambda *_, **__: Failed("not read: see cluster")
    served = ask("kubectl.api_resources")
    groups = [["nodes"], ["namespaces"] if model.get("tenants") else [], *(_served(served, kinds) for kinds in BACKUPS)]
    found = _objects(ask, [group for group in groups if group])
    backups = {kind: served if isinstance(served, Failed) else found.get(kind) for kinds in BACKUPS for kind in kinds}
    return {
        "version": server,
        "nodes": _of(found["nodes"], lambda nodes: {one["metadata"]["name"]: summary.of_node(one) for one in nodes}),
        "sets": _sets(model["services"], ask, healthy),
        "namespaces": _of(found.get("namespaces", []), phases),
        "certificates": _certificates(model["paths"]["kubeconfig"]),
        "schedules": backups["schedules.velero.io"],
        "backups": backups["backups.velero.io"],
        "gitops": call("k8s_gitops.status"),
        "k8up": {kind.partition(".")[0]: backups[kind] for kind in BACKUPS[1]},
    }


def _of(found: Any, fact: Callable[[Any], Any]) -> Any:
    return found if isinstance(found, Failed) else fact(found)


def _served(served: Any, kinds: Iterable[str]) -> list[str]:
    """Return which kinds are among what ``kubectl.api_resources`` returned."""
    return [] if isinstance(served, Failed) else [kind for kind in kinds if kind in served]


def _objects(ask: Call, groups: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return the objects of kinds, all by one kubectl; where that fails each group by one, to tell which of them does.

    groups: of kinds that kubectl knows, as ``nodes`` or ``backups.velero.io``.
    """
    kinds = [kind for group in groups for kind in group]
    objects = ask("kubectl.get", ",".join(kinds))
    if not isinstance(objects, Failed):
        return {kind: [obj for obj in objects if _kind(obj) == kind] for kind in kinds}
    if len(groups) == 1:
        return dict.fromkeys(kinds, objects)
    return {kind: found for group in groups for kind, found in _objects(ask, [group]).items()}


def _kind(obj: Mapping[str, Any]) -> str:
    group = obj["apiVersion"].rpartition("/")[0]
    return f"{obj['kind'].lower()}s" + (f".{group}" if group else "")


def failed(err: Exception) -> Failed:
    """Return an error as a Failed, on one line."""
    return Failed(" ".join(str(err).split())[:MAX_REASON])


def phases(namespaces: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the phase of each Namespace object by name."""
    return {obj["metadata"]["name"]: (obj.get("status") or {}).get("phase", "") for obj in namespaces}


def _sets(services: Iterable[str], ask: Call, healthy: Mapping[str, int]) -> Any:
    """Return the live objects of each service that has a set's record, all by one LIST of each kind.

    When all of them were healthy a moment ago, they are not asked for again.
    """
    if all(name in healthy for name in services):
        return {name: [HEALTHY] * number for name, number in healthy.items()}
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
