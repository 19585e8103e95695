"""The engines: every folder of ``saltk8s.engine``. Nothing else has to name one.

A folder has a module ``schema`` with SCHEMA (an EngineSchema) and a module ``engine`` with ENGINE (a class, see
saltk8s.engine.base.Engine). The pillar's schema needs the first and must not import the second.
"""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from saltk8s import engine
from saltk8s.base import edges, errors
from saltk8s.engine.base import Engine, Hooks, Upkeep
from saltk8s.engine.schema import EngineSchema


def names() -> tuple[str, ...]:
    """Return the engines' names, sorted."""
    return tuple(sorted(entry.name for entry in pkgutil.iter_modules(engine.__path__) if entry.ispkg))


def schema_of(name: str) -> EngineSchema:
    """Return what an engine adds to the pillar's schema."""
    return import_module(f"{engine.__name__}.{name}.schema").SCHEMA


def classes() -> dict[str, type[Engine]]:
    """Return the engines' classes by name; imports them."""
    return {name: import_module(f"{engine.__name__}.{name}.engine").ENGINE for name in names()}


def hooks(model: Mapping[str, Any], log: logging.Logger, salt: Mapping[str, Callable[..., Any]]) -> Hooks:
    """Return how a module's engine reports: into the module's log, and as events ``saltk8s/<cluster>/<engine>/...``.

    model: what ``k8s_config.get`` returns; log: the module's; salt: its ``__salt__``.
    """
    prefix = f"saltk8s/{model['cluster']['name']}/{model['cluster']['engine']}"
    return Hooks(lambda level, line: log.log(level, "%s", line), edges.sender(salt, prefix))


def upkeeps() -> dict[str, type[Upkeep]]:
    """Return the classes of the engines that offer operations on keys and data, by name; imports them."""
    found = {}
    for name in names():
        folder = f"{engine.__name__}.{name}"
        if any(one.name == "upkeep" for one in pkgutil.iter_modules(import_module(folder).__path__)):
            found[name] = import_module(f"{folder}.upkeep").UPKEEP
    return found


def upkeep(model: dict[str, Any], hooks: Hooks | None = None) -> Upkeep:
    """Return the operations on the keys and the data of a cluster. Raises Refused when its engine offers none."""
    load(model, hooks)  # refuses an engine that there is not
    name, offered = model["cluster"]["engine"], upkeeps()
    if name not in offered:
        raise errors.Refused(f"the engine {name} offers no operations on etcd and certificates")
    return offered[name](model, hooks or Hooks())


def load(model: dict[str, Any], hooks: Hooks | None = None) -> Engine:
    """Return the engine that ``k8s:cluster:engine`` names.

    model: what ``k8s_config.get`` returns; hooks: log and events. Raises ConfigError for an unknown engine.
    """
    name, known = model["cluster"]["engine"], classes()
    if name not in known:
        raise errors.ConfigError([errors.Problem("k8s:cluster:engine", repr(name), f"one of {', '.join(known)}")])
    return known[name](model, hooks or Hooks())
