"""Workloads by hand: how far a rollout is, back to an earlier revision, another number of replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.health import judge
from saltk8s.kubectl.manifests import identity, selectors
from saltk8s.kubectl.operations import target

_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"  # the Deployment controller puts it into its ReplicaSets' templates
_COUNTS = {
    "Deployment": ("updatedReplicas", "availableReplicas"),
    "StatefulSet": ("updatedReplicas", "availableReplicas"),
    "DaemonSet": ("updatedNumberScheduled", "numberAvailable"),
}


def workload(kubectl: Kubectl, kind: str, name: str, namespace: str | None) -> dict[str, Any]:
    """Return a live Deployment, StatefulSet or DaemonSet; Invalid for any other kind."""
    obj = target.one(kubectl, kind, name, namespace)
    if identity.kind_of(obj).group != "apps" or obj["kind"] not in _COUNTS:
        raise errors.Invalid(f"kind: got {obj['kind']}; expected {', '.join(_COUNTS)}", "kind", "no rollouts")
    return obj


def status(kubectl: Kubectl, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``ready``, ``reason``, ``wanted``, ``updated``, ``available`` (pods), ``revision`` (None: not yet)."""
    state, told = judge.of(obj), obj.get("status") or {}
    updated, available = _COUNTS[obj["kind"]]
    daemons = obj["kind"] == "DaemonSet"
    wanted = told.get("desiredNumberScheduled", 0) if daemons else obj["spec"].get("replicas", 1)
    return {
        "ready": state.ready,
        "reason": state.reason,
        "wanted": wanted,
        "updated": told.get(updated, 0),
        "available": told.get(available, 0),
        "revision": current(obj, revisions(kubectl, obj)),
    }


def revisions(kubectl: Kubectl, obj: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the pod templates that a workload has had and that are kept: ``{revision: template}``."""
    kind = "ReplicaSet.v1.apps" if obj["kind"] == "Deployment" else "ControllerRevision.v1.apps"
    words = ["--namespace", obj["metadata"]["namespace"]]
    chosen = selectors.text(obj["spec"].get("selector"))
    words += ["--selector", chosen] if chosen else []
    found = {}
    for item in kubectl.objects("get", kind, *words):
        owners = {owner.get("uid") for owner in item["metadata"].get("ownerReferences") or []}
        number = _number(item)
        if obj["metadata"]["uid"] in owners and number:
            found[number] = _template(item)
    return found


def current(obj: Mapping[str, Any], known: Mapping[int, Any]) -> int | None:
    """Return a workload's revision, None when its controller has given it none yet."""
    if obj["kind"] == "Deployment":
        text = (obj["metadata"].get("annotations") or {}).get(_REVISION, "")
        return int(text) if text.isdigit() else None
    return max(known, default=None)


def undo(kubectl: Kubectl, obj: Mapping[str, Any], to_revision: int | None, force: bool, test: bool) -> dict[str, Any]:
    """Give a workload the pod template of an earlier revision; return ``old``, ``new``, ``changes`` (its fields).

    Raises Refused when the workload belongs to a set and not ``force``, Invalid when there is no such revision.
    """
    title, known = identity.key_of(obj).title, revisions(kubectl, obj)
    now = current(obj, known)
    earlier = sorted(number for number in known if number != now and (now is None or number < now))
    wanted = to_revision or (earlier[-1] if earlier else None)
    if wanted not in known:
        kept = ", ".join(map(str, sorted(known))) or "none"
        asked = "an earlier revision" if wanted is None else f"revision {wanted}"
        raise errors.Invalid(f"{title}: {asked} is not kept; these are: {kept}", "to_revision", "not kept")
    owner = identity.set_of(obj)
    if owner and not force:
        raise errors.Refused(
            f"{title} belongs to the set {owner!r}, and the next highstate wants its own version back: "
            "undo the change where it is declared, or say force=True"
        )
    path = ("spec", "template")
    differences = diff.fields(_at(path, obj["spec"]["template"]), _at(path, known[wanted]))
    if differences:
        words = ["rollout", "undo", *target.words(obj), f"--to-revision={wanted}"]
        kubectl.run(*words, *(["--dry-run=server"] if test else []), what=title)
    return {"old": now, "new": wanted, "changes": diff.show(identity.key_of(obj), differences)}


def scale(kubectl: Kubectl, obj: Mapping[str, Any], replicas: int, force: bool, test: bool) -> dict[str, Any]:
    """Set a workload's number of pods; return ``old`` and ``new``. Raises Refused when its set declares the number."""
    title, old = identity.key_of(obj).title, (obj.get("spec") or {}).get("replicas")
    if old is None:
        raise errors.Invalid(f"{title}: objects of this kind have no number of replicas", "kind", "cannot be scaled")
    if old != replicas:
        target.refuse_declared(obj, "spec", "replicas", force=force)
        words = ["scale", *target.words(obj), f"--replicas={replicas}", f"--current-replicas={old}"]
        kubectl.run(*words, *(["--dry-run=server"] if test else []), what=title)
    return {"old": old, "new": replicas}


def _number(item: Mapping[str, Any]) -> int:
    text = str(item.get("revision") or (item["metadata"].get("annotations") or {}).get(_REVISION, ""))
    return int(text) if text.isdigit() else 0


def _template(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pod template that a ReplicaSet or a ControllerRevision keeps, without the controller's own marks."""
    spec = item["spec"] if "spec" in item else (item.get("data") or {}).get("spec") or {}
    template = {name: value for name, value in (spec.get("template") or {}).items() if name != "$patch"}
    meta = dict(template.get("metadata") or {})
    meta["labels"] = {name: value for name, value in (meta.get("labels") or {}).items() if name != _HASH}
    return template | {"metadata": meta}


def _at(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for step in reversed(path):
        value = {step: value}
    return value
