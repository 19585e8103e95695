"""What the states of one run share: each of them reads the cluster, and a run that has nothing to do does little else.

What one state read is used by the next ones as long as nothing may have changed it: until this process writes to a
cluster, until a state runs that is not ours, and for a short time. Outside of a state nothing is shared.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from saltk8s.kubectl.client.program import Kubectl

KEPT_S = 30
_OURS = ("kubectl", "k8s_tenants", "k8s_config", "test")  # they write to a cluster through Kubectl, or not at all
_CLUSTER = ("kubeconfig", "kube_context")
_SCOPE, _MEMORY = "saltk8s.scope", "saltk8s.scope.memory"  # in Salt's context


class Scope(NamedTuple):
    """key: the same for states that share; sets: those that this state and the next ones are about, in its cluster."""

    key: Any
    sets: tuple[str, ...]


class Memory:
    """What was read, by name."""

    def __init__(self, key: Any):
        """key: of the scope."""
        self.key = key
        self._values: dict[Any, tuple[Any, float, int]] = {}

    def get(self, name: Any) -> Any:
        """Return what was read, None when it is not known any more."""
        value, until, writes = self._values.get(name, (None, 0.0, 0))
        return value if time.monotonic() < until and writes == Kubectl.writes else None

    def put(self, name: Any, value: Any) -> Any:
        """Keep what was read, and return it."""
        self._values[name] = (value, time.monotonic() + KEPT_S, Kubectl.writes)
        return value


def of(module: Mapping[str, Any]) -> Scope:
    """Return the scope of the state that runs; one of its own where a function of it is called in another way.

    module: the state module's ``globals()``, into which Salt puts what is known of the run.
    """
    if "__low__" not in module:
        return Scope(object(), ())
    return of_run(*(module[name] for name in ("__instance_id__", "__low__", "__lowstate__", "__running__")))


def of_run(instance: Any, low: Mapping[str, Any], chunks: Sequence[Mapping[str, Any]], running: Iterable[str]) -> Scope:
    """Return the scope of a state. A state that is not ours ends it, in the order of the states and as they run.

    low, chunks: this state and all of the run; running: tags of those that ran.
    """
    foreign = sum(tag.partition("_|-")[0] not in _OURS for tag in running)
    same = [all(chunk.get(key) == low.get(key) for key in ("state", "fun", "__id__", "name")) for chunk in chunks]
    rest = [chunks[number] for number in range(same.index(True), len(same))] if any(same) else []
    ours = itertools.takewhile(lambda chunk: chunk["state"] in _OURS, rest)
    about = (chunk for chunk in ours if chunk["state"] == "kubectl" and chunk["fun"] in ("applied", "absent"))
    sets = [chunk["name"] for chunk in about if all(chunk.get(key) == low.get(key) for key in _CLUSTER)]
    return Scope((instance, foreign), tuple(sets))


@contextmanager
def entered(context: MutableMapping[str, Any], scope: Scope) -> Iterator[None]:
    """Let what a state calls share. context: Salt's ``__context__``."""
    context[_SCOPE] = scope
    try:
        yield
    finally:
        context[_SCOPE] = None


def current(context: MutableMapping[str, Any]) -> tuple[Scope, Memory] | None:
    """Return the scope that was entered and its memory, None outside of a state."""
    scope = context.get(_SCOPE)
    if scope is None:
        return None
    memory = context.get(_MEMORY)
    if memory is None or memory.key != scope.key:
        memory = context[_MEMORY] = Memory(scope.key)
    return scope, memory
