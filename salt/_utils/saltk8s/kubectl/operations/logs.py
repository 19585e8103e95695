"""Last log lines of a pod, or of all pods of a workload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import explain
from saltk8s.kubectl.manifests.identity import key_of
from saltk8s.kubectl.operations import target

MAX_PODS = 20  # of a workload: each container is one request


def read(kubectl: Kubectl, obj: Mapping[str, Any], container: str | None, arguments: list[str]) -> list[str]:
    """Return log lines; ``[pod container]`` stands before each when they come from several containers.

    obj: a live pod or workload; container: None for all but the init containers; arguments: those of log_arguments().
    Raises the error of a single container; of several, a line says which has no log and why.
    """
    pods = [obj] if obj["kind"] == "Pod" else explain.pods_of(kubectl, obj)
    sources = [(pod, name) for pod in pods[:MAX_PODS] for name in _containers(pod, container)]
    if not sources:
        which = f" with a container {container!r}" if container else ""
        raise errors.Invalid(f"{key_of(obj).title} has no pods{which}", "name", "no pods")
    if len(sources) == 1:
        return _lines(kubectl, *sources[0], arguments)
    lines: list[str] = []
    for pod, name in sources:
        try:
            found = _lines(kubectl, pod, name, arguments)
        except (errors.Unreachable, errors.Unauthorized):
            raise
        except errors.SaltK8sError as err:
            found = [f"no log: {' '.join(str(err).split())}"]
        lines += [f"[{pod['metadata']['name']} {name}] {line}" for line in found]
    if len(pods) > MAX_PODS:
        lines.append(f"and {len(pods) - MAX_PODS} more pods")
    return lines


def log_arguments(tail: int | None, since_s: float | None, previous: bool) -> list[str]:
    """Return kubectl's arguments for how much of a log to read."""
    chosen = [f"--tail={target.checked_count('tail', tail)}"] if tail is not None else []
    chosen += [f"--since={float(since_s):g}s"] if since_s is not None else []
    return chosen + (["--previous"] if previous else [])


def _containers(pod: Mapping[str, Any], wanted: str | None) -> list[str]:
    spec = pod.get("spec") or {}
    if wanted is None:
        return [one["name"] for one in spec.get("containers") or []]
    every = [
        *(spec.get("initContainers") or []),
        *(spec.get("containers") or []),
        *(spec.get("ephemeralContainers") or []),
    ]
    return [one["name"] for one in every if one["name"] == wanted]


def _lines(kubectl: Kubectl, pod: Mapping[str, Any], container: str, arguments: list[str]) -> list[str]:
    key = key_of(pod)
    where = [key.name, "--namespace", key.namespace, "--container", container]
    return kubectl.run("logs", *where, *arguments, what=f"logs of {key.title}").splitlines()
