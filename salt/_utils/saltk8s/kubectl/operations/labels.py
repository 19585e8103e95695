"""Labels of any object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.operations import changes, target

MANAGER = "saltk8s-label"


def label(
    kubectl: Kubectl,
    kind: str,
    name: str,
    labels: Mapping[str, Any],
    namespace: str | None = None,
    force: bool = False,
    test: bool = False,
) -> changes.Written:
    """Set labels of an object; None removes one. Raises Refused for a label that the object's set declares."""
    wanted = {str(key): _text(key, value) for key, value in labels.items()}
    if test and not kubectl.cluster_exists:
        return changes.Written(changes.between({}, wanted), [changes.NO_CLUSTER])
    obj = target.get_object(kubectl, kind, name, namespace)
    found = changes.between(obj["metadata"].get("labels") or {}, wanted)
    for key in found:
        target.refuse_declared(obj, "metadata", "labels", key, force=force)
    if found:
        fields = {"metadata": {"labels": {key: wanted[key] for key in found}}}
        changes.patch(kubectl, obj, fields, MANAGER, test)
    return changes.Written(found, [])


def _text(key: Any, value: Any) -> str | None:
    """Return a label's value as text: YAML reads unquoted numbers and booleans as such."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise errors.Invalid(
        f"labels: {key}: got {type(value).__name__}; expected text, or null to remove it", str(key), "not a text"
    )
