"""Which Kubernetes may follow on a live cluster: from what runs, and from what an unfinished run was on the way to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE

API_SERVER, KUBELET = "kube-apiserver", "kubelet"
_IMAGE = re.compile(r"/hyperkube:(v\d+\.\d+\.\d+-rancher\d+)$")


def check(
    wanted: str,
    state: Mapping[str, Any],
    record: Mapping[str, Any] | None,
    images: Mapping[str, Mapping[str, str]],
    offered: Callable[[], list[str]] = list,
) -> None:
    """Refuse a Kubernetes version that is older than the newest in the cluster, or too new for the oldest.

    wanted: the declared version; state: rkestate.parse of a running cluster; record: of the last run; images:
    ``{node: {container: image}}`` of the nodes that answered; offered: asked only to name a version that may follow.
    Raises Refused, naming where the other version is and what may follow it.
    """
    found = sorted(_found(state, record or {}, images), key=lambda one: values.version(one[0]) or (0, 0, 0))
    if not found:
        return
    (oldest, oldest_words), (newest, newest_words) = found[0], found[-1]
    if _steps(newest, wanted) < 0:
        goal = _pinned(newest, state, record or {}, offered)
        raise errors.Refused(
            f"Kubernetes cannot go back to {wanted}: {newest_words}, and the cluster's data may be in its format. "
            f"To go on, set k8s:cluster:version to {goal} and apply. The only way back is an etcd snapshot from before "
            '(docs/cluster.md, "Going back")'
        )
    if _steps(newest, wanted) > 0 and _steps(oldest, wanted) > 1:
        goal = _pinned(newest if _steps(oldest, newest) else _next_minor(oldest), state, record or {}, offered)
        raise errors.Refused(
            f"Kubernetes cannot become {wanted} yet: {oldest_words}, and an upgrade goes one minor version at a time. "
            f"First set k8s:cluster:version to {goal} and apply"
        )


def version_of(images: Mapping[str, str], container: str) -> str | None:
    """Return the Kubernetes version of a node's container, as its image has it, None when that is not known."""
    found = _IMAGE.search(images.get(container, ""))
    return found[1] if found else None


def _steps(old: str, new: str) -> int:
    return values.minor_steps(old, new) or 0


def _next_minor(version: str) -> str:
    major, minor, _ = values.version(version) or (1, 0, 0)
    return f"v{major}.{minor + 1}.0"


def _found(
    state: Mapping[str, Any], record: Mapping[str, Any], images: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[str, str]]:
    """Return the versions that are, or may be, in the cluster, each with the words that say where."""
    if state["version"]:
        yield state["version"], f"the cluster has {state['version']}"
    servers: list[str | None] = []
    for name, node in state["nodes"].items():
        for container in (KUBELET, API_SERVER):
            version = version_of(images.get(name, {}), container)
            if container == API_SERVER and CONTROL_PLANE in node["roles"]:
                servers.append(version)
            if version:
                yield version, f"{container} of {version} is on {name}"
    # the API servers know better than the record: it never came that far, or a snapshot was restored since
    if record.get("attempted") and not all(servers):
        yield (
            record["attempted"],
            f"the run of {record.get('time', 'before')}, on the way to {record['attempted']}, did not finish",
        )


def _pinned(version: str, state: Mapping[str, Any], record: Mapping[str, Any], offered: Callable[[], list[str]]) -> str:
    """Return a version in full, as the pillar has it, for one that an image may have named."""
    known = [record.get("attempted"), state["version"], *reversed(offered())]
    exact = [one for one in known if one and one.startswith(version)]
    near = [one for one in known if one and values.minor_steps(version, one) == 0]
    return [*exact, *near, version][0]
