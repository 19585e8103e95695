"""DaemonSets while nodes are not Ready: the pods there cannot be healthy, and say nothing of the others.

A DaemonSet that tolerates every taint (an agent of nodes, mostly) counts a dead node among those that it is to run on,
so by its own status it is never healthy until the node is back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import assessment, explain
from saltk8s.kubectl.health.fields import mapping, maps, number, text
from saltk8s.kubectl.manifests.identity import Key, key_of

KEPT_S = 5  # who polls does not need the nodes each time
REQUEST_S = 20
GENERATION_ANNOTATION = "deprecated.daemonset.template.generation"  # of a DaemonSet, and its pods' label:
GENERATION_LABEL = "pod-template-generation"
_READY = "{range .items[*]}{.metadata.name} {.status.conditions[?(@.type==\"Ready\")].status}{'\\n'}{end}"

States = Mapping[Key, assessment.Health]


class DeadNodes:
    """The nodes that are not Ready, read when an object needs them. Whoever may not read nodes sees none."""

    def __init__(self, kubectl: Kubectl):
        self._kubectl = kubectl
        self._names: set[str] = set()
        self._until = 0.0

    def discount(self, objects: Iterable[Mapping[str, Any]], states: States) -> dict[Key, assessment.Health]:
        """Return the states, those of DaemonSets without their pods on dead nodes; the reason then says so.

        objects: as the API server gives them; states: how they were assessed alone.
        """
        found = dict(states)
        for obj in objects:
            state = found.get(key_of(obj))
            if state and not state.ready and _may_be_discounted(obj) and self._read():
                found[key_of(obj)] = judge(obj, state, self._pods(obj), self._names)
        return found

    def _read(self) -> set[str]:
        if time.monotonic() >= self._until:
            try:
                out = self._kubectl.run("get", "nodes", f"--output=jsonpath={_READY}", timeout_s=REQUEST_S)
            except errors.SaltK8sError:
                out = ""
            words = (line.split() for line in out.splitlines() if line.strip())
            self._names = {name for name, *ready in words if ready != ["True"]}
            self._until = time.monotonic() + KEPT_S
        return self._names

    def _pods(self, obj: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            pods = explain.pods_of(self._kubectl, obj, timeout_s=REQUEST_S)
        except errors.SaltK8sError:
            return []
        uid = obj["metadata"].get("uid")
        return [pod for pod in pods if any(o.get("uid") == uid for o in maps(pod["metadata"].get("ownerReferences")))]


def judge(
    obj: Mapping[str, Any], state: assessment.Health, pods: Iterable[Mapping[str, Any]], dead: Iterable[str]
) -> assessment.Health:
    """Return the health of a DaemonSet that is not ready: that of its pods on nodes that are Ready.

    state: its health by its own status; pods: its own; dead: names of the nodes that are not Ready.
    """
    dead, lost, rest = set(dead), set(), []
    for pod in pods:
        node = _node_of(pod)
        if node in dead:
            lost.add(node)
        else:
            rest.append(pod)
    status, wanted = mapping(obj.get("status")), _generation(obj)
    complete = number(status.get("currentNumberScheduled")) >= number(status.get("desiredNumberScheduled"))
    if not lost or not complete or not all(assessment.assess(pod).ready and _is_new(pod, wanted) for pod in rest):
        return state
    are = "are" if len(lost) > 1 else "is"
    return assessment.Health(True, f"is without its pods on {', '.join(sorted(lost))}, which {are} not Ready")


def notes(states: States) -> list[str]:
    """Return what is to be said of objects that are ready without their pods on dead nodes."""
    return [f"{key.title} {state.reason}" for key, state in states.items() if state.ready and state.reason]


def _may_be_discounted(obj: Mapping[str, Any]) -> bool:
    key, meta = key_of(obj), obj["metadata"]
    observed = number(mapping(obj.get("status")).get("observedGeneration")) >= number(meta.get("generation"))
    return (key.group, key.kind) == ("apps", "DaemonSet") and observed and not meta.get("deletionTimestamp")


def _generation(obj: Mapping[str, Any]) -> str:
    """Return which template the pods are to have, "" when it does not matter: they are replaced by hand."""
    strategy = mapping(mapping(obj.get("spec")).get("updateStrategy"))
    by_hand = strategy.get("type") == "OnDelete"
    return "" if by_hand else text(mapping(obj["metadata"].get("annotations")).get(GENERATION_ANNOTATION))


def _is_new(pod: Mapping[str, Any], wanted: str) -> bool:
    return not wanted or mapping(pod["metadata"].get("labels")).get(GENERATION_LABEL) == wanted


def _node_of(pod: Mapping[str, Any]) -> str:
    """Return the node that a pod runs on, or that it was made for before it is scheduled."""
    spec = mapping(pod.get("spec"))
    affinity = mapping(mapping(spec.get("affinity")).get("nodeAffinity"))
    required = mapping(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
    fields = [field for term in maps(required.get("nodeSelectorTerms")) for field in maps(term.get("matchFields"))]
    named = [value for field in fields if field.get("key") == "metadata.name" for value in field.get("values") or ()]
    return text(spec.get("nodeName")) or (named[0] if named else "")
