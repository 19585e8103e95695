"""The one object that a call by hand means, and whether a set declares what the call would write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import diff, managed_fields
from saltk8s.kubectl.manifests.identity import key_of, kind_of, set_of

NODE = "Node.v1."


def one(kubectl: Kubectl, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
    """Return a live object with its managed fields.

    kind: as kubectl takes it; namespace: ``default`` when None, of no meaning for kinds without.
    Raises api_errors.NotFound when it is not there, Invalid for what is no kind or no name.
    """
    kind, name, namespace = plain("kind", kind), plain("name", name), plain("namespace", namespace or "default")
    words = ["get", kind, name, "--ignore-not-found", "--show-managed-fields", "--namespace", namespace]
    found = kubectl.objects(*words, what=f"{kind} {name}")
    if not found:
        if kind == NODE:
            raise api_errors.NotFound(f"the cluster has no node {name!r}")
        raise api_errors.NotFound(f"there is no {kind} {name!r} (namespace {namespace})")
    return found[0]


def plain(what: str, word: Any) -> str:
    """Return a word that kubectl cannot take for an option, or for several things; Invalid when it could."""
    text = str(word)
    if not text or text.startswith("-") or any(sign in text for sign in ", /\n"):
        raise errors.Invalid(f"{what}: got {text!r}; expected one name", what, "not a name")
    return text


def whole(what: str, value: Any) -> int:
    """Return a number that is not negative; Invalid for anything else."""
    if isinstance(value, bool) or not str(value).isdigit():
        raise errors.Invalid(f"{what}: got {value!r}; expected a whole number", what, "not a number")
    return int(value)


def words(obj: Mapping[str, Any]) -> list[str]:
    """Return the kubectl arguments that mean an object and no other."""
    key = key_of(obj)
    return [kind_of(obj).argument, key.name, *(["--namespace", key.namespace] if key.namespace else [])]


def refuse_declared(obj: Mapping[str, Any], *path: str, force: bool) -> None:
    """Refuse to write a field that the object's set declares: the next highstate would take offence, and undo it.

    path: names of the fields from the top. Raises Refused unless ``force``.
    """
    steps = [f"f:{step}" for step in path]
    if not force and any(_has(tree, steps) for tree in managed_fields.owned_fields(obj)):
        raise errors.Refused(
            f"{key_of(obj).title}: the set {set_of(obj)!r} declares {diff.text(path)}, and the next highstate wants it "
            "back: change it there, or say force=True"
        )


def _has(tree: Mapping[str, Any], steps: list[str]) -> bool:
    for step in steps:
        if step not in tree:
            return False
        tree = tree[step]
    return True
