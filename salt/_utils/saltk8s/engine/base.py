"""The interface of an engine: what it is given, what it must provide, what it gives back.

A second engine is a folder beside ``rke`` with two modules; besides it, only ``setup.cfg`` lists the package:

``schema``  SCHEMA, an EngineSchema: the engine's part of the pillar's schema
``engine``  ENGINE, a subclass of Engine

An engine that offers operations on keys and data has a package ``upkeep`` too, with UPKEEP, a subclass of Upkeep.

What it needs of nodes, files and health is beside this module: ``ssh`` (checks nodes), ``state_folder`` (copies of the
state, record of the last run, lock), ``health`` (waits for a healthy cluster), ``plan``, ``guards`` (refuses plans that
could lose the cluster), ``progress`` (a program's output as log lines and events).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from saltk8s.base import errors
from saltk8s.engine import state_folder
from saltk8s.engine.plan import Plan
from saltk8s.engine.schema import EngineSchema


class Hooks(NamedTuple):
    """How an engine reports to whoever runs it.

    log: called with a level of ``logging`` and a line for the minion's log; event: called with a phase
    (``etcd``, ``wait`` ...) and a dict of data. Neither ever gets a secret.
    """

    log: Callable[[int, str], None] = lambda level, line: logging.getLogger(__name__).log(level, "%s", line)
    event: Callable[[str, dict[str, Any]], None] = lambda phase, data: None


class Outcome(NamedTuple):
    """What a run did, or would do.

    changes: shown by Salt, empty when there was nothing to do, never a secret in it; lines: the same for a human;
    ran: whether the engine's program ran.
    """

    changes: dict[str, Any]
    lines: list[str]
    ran: bool


class Workloads(NamedTuple):
    """The system workloads that a healthy cluster runs in kube-system.

    required: {kind: names} of those that must exist; optional: of those that must be rolled out where they exist.
    """

    required: Mapping[str, set[str]]
    optional: Mapping[str, set[str]]


class Engine(ABC):
    """One cluster, built by one engine. All of it follows from the model that the engine was made with."""

    schema: ClassVar[EngineSchema]

    def __init__(self, model: dict[str, Any], hooks: Hooks):
        """model: what ``k8s_config.get`` returns; hooks: log and events."""
        self.model, self.hooks = model, hooks

    @abstractmethod
    def render(self, redacted: bool = True) -> dict[str, Any]:
        """Return the configuration that the engine's program gets."""

    @abstractmethod
    def plan(self, repair: bool = False) -> Plan:
        """Return what a run would do; reads only. Raises what ``up`` would raise before it runs anything."""

    @abstractmethod
    def up(self, test: bool = False, repair: bool = False) -> Outcome:
        """Make the cluster what the model declares, and wait until it is healthy.

        test: return what that would do, and write nothing; repair: do not ask for a healthy cluster before a change
        (see saltk8s.engine.gate), nor for a snapshot of it. Raises Refused (a guard), Unreachable (nodes, all of them
        named), CommandError (the engine's program), NotReady.
        """

    @abstractmethod
    def status(self) -> dict[str, Any]:
        """Return what is known of the cluster; an API server that does not answer is reported, not raised.

        The keys are those of ``k8s_cluster.status``.
        """

    def preflight(self, version: str | None = None) -> dict[str, Any]:
        """Return what stands against another version of Kubernetes, the model's by default; reads only.

        The keys are those of ``k8s_cluster.preflight``. Raises Refused before the cluster exists.
        """
        raise errors.Refused(f"the engine {self.model['cluster']['engine']} checks nothing before an upgrade")

    @abstractmethod
    def system_images(self, version: str | None = None) -> list[str]:
        """Return the images that the engine itself runs, sorted. version: of Kubernetes, the model's by default."""

    @abstractmethod
    def workloads(self) -> Workloads:
        """Return the system workloads without which the cluster is not healthy."""

    def members(self) -> dict[str, Any]:
        """Return the cluster's nodes as the engine's own state has them, {name: what is known}; no node is asked."""
        return self.status().get("nodes") or {}

    def prepare(self, test: bool = False) -> dict[str, str]:
        """Make the state folder and the SSH key, for root only; return the changes, without the key.

        test: return what would change, and write nothing. Raises Refused when the pillar has no key.
        """
        private_key = self.model["cluster"]["ssh"].get("private_key")
        return state_folder.prepare(self.model["paths"], private_key, test)

    def kubeconfig(self) -> str | None:
        """Return the path of the administrator's kubeconfig, None before the cluster exists."""
        path = self.model["paths"]["kubeconfig"]
        return path if Path(path).exists() else None

    def programs(self) -> list[str]:
        """Return the programs that the admin needs, by their names below ``k8s:binaries``."""
        return [*self.schema.programs, "kubectl"]


class Upkeep(ABC):
    """The operations on one cluster. Each that changes something holds the cluster's lock, and has a test mode."""

    def __init__(self, model: dict[str, Any], hooks: Hooks):
        """model: what ``k8s_config.get`` returns; hooks: log and events."""
        self.model, self.hooks = model, hooks

    @abstractmethod
    def snapshots(self) -> list[dict[str, Any]]:
        """Return the snapshots on the etcd nodes, newest first: ``name``, ``taken``, ``nodes`` ({name: bytes})."""

    @abstractmethod
    def save_snapshot(self, name: str | None = None, test: bool = False) -> dict[str, Any]:
        """Take a snapshot on every etcd node; return its ``name`` and ``lines``."""

    @abstractmethod
    def verify_snapshot(self, name: str | None = None, node: str | None = None) -> dict[str, Any]:
        """Restore a snapshot into a scratch etcd and read it; return what it has. Raises Invalid with what is wrong."""

    @abstractmethod
    def last_check(self) -> dict[str, Any]:
        """Return what came of the last check of a snapshot, nothing before the first."""

    @abstractmethod
    def defragment(self, test: bool = False) -> dict[str, Any]:
        """Give back what etcd's databases do not use, one member after the other; return ``changes`` and ``lines``."""

    @abstractmethod
    def certificates(self) -> dict[str, Any]:
        """Return ``certificates`` (``where``, ``name``, ``expires``, ``days``) and ``problems``: what was not read."""

    @abstractmethod
    def rotate_certificates(
        self,
        authority: bool = False,
        before: str | None = None,
        confirm: str | None = None,
        test: bool = False,
        repair: bool = False,
    ) -> dict[str, Any]:
        """Make the certificates anew; return ``changes`` and ``lines``.

        authority: the CA too; before: only those made before this day; confirm: the cluster's name, without which
        nothing is done; repair: the cluster need not be healthy.
        """

    @abstractmethod
    def rotate_encryption_key(self, confirm: str | None = None, test: bool = False) -> dict[str, Any]:
        """Make a new key for Secrets in etcd, and rewrite them; return ``changes`` and ``lines``."""

    @abstractmethod
    def restore(
        self, name: str, confirm: str | None = None, test: bool = False, verify_first: bool = True
    ) -> dict[str, Any]:
        """Put the cluster back to a snapshot; return ``changes`` and ``lines``."""
