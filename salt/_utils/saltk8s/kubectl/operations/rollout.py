"""Rollouts of workloads: status, undo to an earlier revision; and the number of replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.health import assessment
from saltk8s.kubectl.manifests import identity, selectors
from saltk8s.kubectl.operations import changes, target

_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"  # the Deployment controller puts it into its ReplicaSets' templates
_COUNTS = {
    "Deployment": ("updatedReplicas", "availableReplicas"),
    "StatefulSet": ("updatedReplicas", "availableReplicas"),
    "DaemonSet": ("updatedNumberScheduled", "numberAvailable"),
}


def get_workload(kubectl: Kubectl, kind: str, name: str, namespace: str | None) -> dict[str, Any]:
    """Return a live Deployment, StatefulSet or DaemonSet; Invalid for any other kind."""
    obj = target.get_object(kubectl, kind, name, namespace)
    if identity.kind_of(obj).group != "apps" or obj["kind"] not in _COUNTS:
        raise errors.Invalid(f"kind: got {obj['kind']}; expected {', '.join(_COUNTS)}", "kind", "has no rollouts")
    return obj


def status(kubectl: Kubectl, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``ready``, ``reason``, ``wanted``, ``updated``, ``available`` (pods), ``revision`` (or None)."""
    health, live = assessment.assess(obj), obj.get("status") or {}
    updated, available = _COUNTS[obj["kind"]]
    is_daemon_set = obj["kind"] == "DaemonSet"
    wanted = live.get("desiredNumberScheduled", 0) if is_daemon_set else obj["spec"].get("replicas", 1)
    return {
        "ready": health.ready,
        "reason": health.reason,
        "wanted": wanted,
        "updated": live.get(updated, 0),
        "available": live.get(available, 0),
        "revision": current_revision(obj, revisions(kubectl, obj)),
    }


def revisions(kubectl: Kubectl, obj: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the pod templates of the revisions that are kept in the revision history: ``{revision: template}``."""
    kind = "ReplicaSet.v1.apps" if obj["kind"] == "Deployment" else "ControllerRevision.v1.apps"
    arguments = ["--namespace", obj["metadata"]["namespace"]]
    selector = selectors.text(obj["spec"].get("selector"))
    arguments += ["--selector", selector] if selector else []
    found = {}
    for item in kubectl.objects("get", kind, *arguments):
        owners = {owner.get("uid") for owner in item["metadata"].get("ownerReferences") or []}
        number = _number(item)
        if obj["metadata"]["uid"] in owners and number:
            found[number] = _template(item)
    return found


def current_revision(obj: Mapping[str, Any], known: Mapping[int, Any]) -> int | None:
    """Return a workload's revision, None before its controller has set one."""
    if obj["kind"] == "Deployment":
        text = (obj["metadata"].get("annotations") or {}).get(_REVISION, "")
        return int(text) if text.isdigit() else None
    return max(known, default=None)


def undo(kubectl: Kubectl, obj: Mapping[str, Any], to_revision: int | None, force: bool, test: bool) -> dict[str, Any]:
    """Give a workload the pod template of an earlier revision; return ``old``, ``new``, ``changes`` (its fields).

    Raises Refused when the workload belongs to a set (unless ``force``), Invalid when the revision is not kept.
    """
    title, known = identity.key_of(obj).title, revisions(kubectl, obj)
    current = current_revision(obj, known)
    earlier = sorted(number for number in known if number != current and (current is None or number < current))
    wanted = to_revision or (earlier[-1] if earlier else None)
    if wanted not in known:
        kept = ", ".join(map(str, sorted(known))) or "none"
        asked = "an earlier revision" if wanted is None else f"revision {wanted}"
        raise errors.Invalid(
            f"{title}: {asked} is not in the revision history, which has: {kept}", "to_revision", "not kept"
        )
    owner = identity.set_of(obj)
    if owner and not force:
        raise errors.Refused(
            f"{title} belongs to the set {owner!r}, and the next highstate would report a conflict or revert "
            "the rollback: revert the change in the manifest, or use force=True"
        )
    path = ("spec", "template")
    differences = diff.fields(_nested(path, obj["spec"]["template"]), _nested(path, known[wanted]))
    if differences:
        arguments = ["rollout", "undo", *target.arguments(obj), f"--to-revision={wanted}"]
        kubectl.run(*arguments, *changes.dry_run(test), what=title)
    return {"old": current, "new": wanted, "changes": diff.show(identity.key_of(obj), differences)}


def scale(kubectl: Kubectl, obj: Mapping[str, Any], replicas: int, force: bool, test: bool) -> dict[str, Any]:
    """Set a workload's replicas; return ``old`` and ``new``. Raises Refused when its set declares them."""
    title, old = identity.key_of(obj).title, (obj.get("spec") or {}).get("replicas")
    if old is None:
        raise errors.Invalid(f"{title}: objects of this kind have no replicas", "kind", "cannot be scaled")
    if old != replicas:
        target.refuse_declared(obj, "spec", "replicas", force=force)
        arguments = ["scale", *target.arguments(obj), f"--replicas={replicas}", f"--current-replicas={old}"]
        kubectl.run(*arguments, *changes.dry_run(test), what=title)
    return {"old": old, "new": replicas}


def _number(item: Mapping[str, Any]) -> int:
    text = str(item.get("revision") or (item["metadata"].get("annotations") or {}).get(_REVISION, ""))
    return int(text) if text.isdigit() else 0


def _template(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pod template that a ReplicaSet or a ControllerRevision keeps, without what its controller added."""
    spec = item["spec"] if "spec" in item else (item.get("data") or {}).get("spec") or {}
    template = {name: value for name, value in (spec.get("template") or {}).items() if name != "$patch"}
    meta = dict(template.get("metadata") or {})
    meta["labels"] = {name: value for name, value in (meta.get("labels") or {}).items() if name != _HASH}
    return template | {"metadata": meta}


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for step in reversed(path):
        value = {step: value}
    return value
