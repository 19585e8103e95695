"""Last log lines of a pod, or of all pods of a workload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import explain
from saltk8s.kubectl.manifests.identity import key_of

MOST_PODS = 20  # of a workload: each container is one request


def read(kubectl: Kubectl, obj: Mapping[str, Any], container: str | None, options: list[str]) -> list[str]:
    """Return log lines; ``[pod container]`` stands before each when they come from several containers.

    obj: a live pod or workload; container: None for all but the init containers; options: more arguments of kubectl.
    Raises the error of the one container there is; of several, one that has no log is told in its place.
    """
    pods = [obj] if obj["kind"] == "Pod" else explain.pods_of(kubectl, obj)
    places = [(pod, box) for pod in pods[:MOST_PODS] for box in _containers(pod, container)]
    if not places:
        which = f" with a container {container!r}" if container else ""
        raise errors.Invalid(f"{key_of(obj).title} has no pods{which}", "name", "no pods")
    if len(places) == 1:
        return _one(kubectl, *places[0], options)
    lines = []
    for pod, box in places:
        try:
            said = _one(kubectl, pod, box, options)
        except (errors.Unreachable, errors.Unauthorized):
            raise
        except errors.SaltK8sError as err:
            said = [f"no log: {' '.join(str(err).split())}"]
        lines += [f"[{pod['metadata']['name']} {box}] {line}" for line in said]
    if len(pods) > MOST_PODS:
        lines.append(f"and {len(pods) - MOST_PODS} more pods")
    return lines


def options(tail: int | None, since_s: int | None, previous: bool) -> list[str]:
    """Return kubectl's arguments for how much is wanted."""
    words = [f"--tail={int(tail)}"] if tail is not None else []
    words += [f"--since={int(since_s)}s"] if since_s is not None else []
    return words + (["--previous"] if previous else [])


def _containers(pod: Mapping[str, Any], wanted: str | None) -> list[str]:
    spec = pod.get("spec") or {}
    if wanted is None:
        return [box["name"] for box in spec.get("containers") or []]
    every = [
        *(spec.get("initContainers") or []),
        *(spec.get("containers") or []),
        *(spec.get("ephemeralContainers") or []),
    ]
    return [box["name"] for box in every if box["name"] == wanted]


def _one(kubectl: Kubectl, pod: Mapping[str, Any], container: str, options: list[str]) -> list[str]:
    key = key_of(pod)
    words = ["logs", key.name, "--namespace", key.namespace, "--container", container, *options]
    return kubectl.run(*words, what=f"logs of {key.title}").splitlines()
