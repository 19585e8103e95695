"""Who uses an API that the next Kubernetes does not serve: the API servers' own count, and field managers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.manifests.identity import key_of
from saltk8s.kubectl.upgrade import removed_apis
from saltk8s.kubectl.upgrade.removed_apis import Removed

METRIC = "apiserver_requested_deprecated_apis"
METRICS_S = 30  # of a busy API server they are several megabytes
_LINE = re.compile(rf"^{METRIC}\{{([^}}]*)\}} ([0-9.e+]+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Requested(NamedTuple):
    """A deprecated API that was requested since an API server started. removed: the first release without it."""

    group: str
    version: str
    resource: str
    removed: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.resource} of {self.api}"

    @property
    def api(self) -> str:
        """As manifests have it."""
        return f"{self.group}/{self.version}" if self.group else self.version


class Managed(NamedTuple):
    """An object that a field manager wrote at a removed version. title: its kind, namespace and name."""

    title: str
    manager: str
    api: str


def requested(metrics: str, old: str, new: str) -> list[Requested]:
    """Return what of an API server's metrics was requested and is not served between two versions any more.

    metrics: the text of ``/metrics``; old, new: versions. What is deprecated without a release that removes it does not
    count, nor what is removed later.
    """
    found = {one for one in _all(metrics) if removed_apis.minor(old) < one.removed <= removed_apis.minor(new)}
    return sorted(found)


def _all(metrics: str) -> Iterator[Requested]:
    for labels, value in _LINE.findall(metrics):
        has = dict(_LABEL.findall(labels))
        numbers = re.fullmatch(r"(\d+)\.(\d+)", has.get("removed_release", ""))
        if numbers and float(value):
            resource = "/".join(filter(None, (has.get("resource", ""), has.get("subresource", ""))))
            release = (int(numbers[1]), int(numbers[2]))
            yield Requested(has.get("group", ""), has.get("version", ""), resource, release)


def ask(kubectl: Kubectl, servers: Sequence[str], old: str, new: str) -> list[Requested]:
    """Ask every API server: each counts what it was asked itself. Raises Unreachable and what kubectl says.

    servers: their URLs; none: the kubeconfig's alone.
    """
    asked = [[f"--server={url}"] for url in servers] if len(servers) > 1 else [[]]
    texts = [kubectl.run("get", "--raw", "/metrics", *words, request_timeout_s=METRICS_S) for words in asked]
    return sorted({one for text in texts for one in requested(text, old, new)})


def managed(objects: Iterable[Mapping[str, Any]], removed: Removed) -> list[Managed]:
    """Return which field managers wrote objects at a removed version last."""
    return [
        Managed(key_of(obj).title, entry.get("manager", ""), removed.api_version)
        for obj in objects
        for entry in obj["metadata"].get("managedFields") or ()
        if entry.get("apiVersion") == removed.api_version
    ]


def writers(kubectl: Kubectl, old: str, new: str) -> list[Managed]:
    """Return who wrote objects at versions that are removed, read at those that stay: one LIST a kind of the table."""
    found: list[Managed] = []
    for removed in removed_apis.between(old, new):
        for kind in removed.readable:
            try:
                objects = kubectl.listed(kind.argument, "--all-namespaces")
            except (api_errors.UnknownKind, api_errors.NotFound):
                continue  # it is not served, so nobody wrote it
            found += managed(objects, removed)
    return found
