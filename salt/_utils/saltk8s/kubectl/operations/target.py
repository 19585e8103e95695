"""The one object that a call works on, its arguments, and whether a set declares what the call would write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import diff, managed_fields
from saltk8s.kubectl.manifests.identity import key_of, kind_of, set_of

NODE = "Node.v1."


def get_object(kubectl: Kubectl, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
    """Return a live object with its managed fields.

    kind: as kubectl takes it; namespace: ``default`` when None, ignored for cluster-scoped kinds.
    Raises api_errors.NotFound when it does not exist, Invalid for an invalid kind or name.
    """
    kind, name = checked_name("kind", kind), checked_name("name", name)
    namespace = checked_name("namespace", namespace or "default")
    arguments = ["get", kind, name, "--ignore-not-found", "--show-managed-fields", "--namespace", namespace]
    found = kubectl.objects(*arguments, what=f"{kind} {name}")
    if not found:
        if kind == NODE:
            raise api_errors.NotFound(f"node {name!r} not found")
        raise api_errors.NotFound(f"{kind} {name!r} not found in the namespace {namespace}")
    return found[0]


def checked_name(parameter: str, value: Any) -> str:
    """Return a name; Invalid when kubectl could read it as an option or as several names."""
    text = str(value)
    if not text or text.startswith("-") or any(sign in text for sign in ", /\n"):
        raise errors.Invalid(f"{parameter}: got {text!r}; expected one name", parameter, "not a name")
    return text


def checked_count(parameter: str, value: Any) -> int:
    """Return an integer that is not negative; Invalid for anything else."""
    if isinstance(value, bool) or not str(value).isdecimal():
        raise errors.Invalid(f"{parameter}: got {value!r}; expected a whole number", parameter, "not a number")
    return int(value)


def arguments(obj: Mapping[str, Any]) -> list[str]:
    """Return the kubectl arguments that name exactly this object."""
    key = key_of(obj)
    return [kind_of(obj).argument, key.name, *(["--namespace", key.namespace] if key.namespace else [])]


def refuse_declared(obj: Mapping[str, Any], *path: str, force: bool) -> None:
    """Refuse to write a field that the object's set declares: the next highstate would report a conflict or revert it.

    path: names of the fields from the top. Raises Refused unless ``force``.
    """
    steps, owner = [f"f:{step}" for step in path], set_of(obj)
    if owner and not force and any(_has(tree, steps) for tree in managed_fields.owned_fields(obj)):
        raise errors.Refused(
            f"{key_of(obj).title}: the set {owner!r} declares {diff.text(path)}, and the next highstate "
            "would report a conflict or revert it: change the manifest, or use force=True"
        )


def _has(tree: Mapping[str, Any], steps: list[str]) -> bool:
    for step in steps:
        if step not in tree:
            return False
        tree = tree[step]
    return True
