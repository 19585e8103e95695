"""What is done to the Docker of a node at once, and what waits for the node's turn.

A node whose Docker runs containers is interrupted in its turn only, whoever applies its states: see saltk8s.nodes.turn.
One that runs none yet, or whose Docker does not answer, is nobody's loss and gets everything at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.nodes import changes
from saltk8s.nodes.dockerd import CONFIG, Dockerd
from saltk8s.nodes.turn import Turn

HOW = (
    "salt-run state.orch k8s.orch.nodes, on the master, gives the nodes their turns (docs/operations/os-and-docker.md)"
)


def waits(running: int, turn: Turn | None, drain: bool) -> str:
    """Return why a change that interrupts Docker is not made now, "" when it may be.

    running: containers that run; turn: the node's; drain: whether the change ends containers.
    """
    if not running or (turn and (turn.drained or not drain)):
        return ""
    containers = f"{running} containers run here"
    return f"{containers}, and this turn has no drain" if turn else f"{containers}, and it is not this node's turn"


def running(info: Mapping[str, Any] | None) -> int:
    """Return how many containers run. info: as Dockerd.info() returns it."""
    return int((info or {}).get("ContainersRunning") or 0)


def configure(
    docker: Dockerd, wanted: Mapping[str, Any], versions: Mapping[str, Any], turn: Turn | None, test: bool
) -> dict[str, Any]:
    """Give Docker a daemon.json, at once or in the node's turn; return ``changes``, ``lines`` and ``waiting``.

    wanted: the content; versions: packages that are still to change, see changes.other_versions(); turn: the node's;
    test: write nothing. waiting is True when nothing was done, and would not be, before the node's turn.
    Raises Refused: it would lose what Docker keeps, or Docker does not take it; CommandError: Docker does not start.
    """
    old = docker.content()
    found = changes.differences(old, wanted)
    if not docker.program:
        if found and not test:
            docker.put(wanted, restart=False)
        return outcome(found)
    if not found and not docker.tried:
        return outcome({})
    info = docker.info()
    refused = changes.lost(wanted, info or docker.left())
    if refused:
        raise errors.Refused("\n".join(["daemon.json stays as it is:", *refused, changes.WAY]))
    problem = docker.problem(wanted)
    if problem and not versions:
        raise errors.Refused(f"daemon.json stays as it is, because dockerd refuses the new one: {problem}")
    drain = changes.stops_containers(old, wanted, versions)
    if why := waits(running(info), turn, drain):
        lines = [f"daemon.json waits, because {why}: {HOW}", *changes.words(found)]
        return {"changes": {}, "lines": lines, "waiting": True}
    if problem:
        raise errors.Refused(f"daemon.json stays as it is until Docker has its new version: {problem}")
    if not test:
        docker.put(wanted, restart=info is not None)
    return outcome(found or {"docker": {"old": f"perhaps without the new {CONFIG}", "new": "restarted"}})


def pending(
    docker: Dockerd, wanted: Mapping[str, Any], installed: Mapping[str, str], pins: Mapping[str, str | None]
) -> dict[str, Any]:
    """Return what waits for a node's turn: ``lines``, and ``drain``: whether that ends containers.

    wanted: daemon.json; installed: versions of packages; pins: those that are wanted.
    """
    old, versions = docker.content(), changes.other_versions(installed, pins)
    found = changes.differences(old, wanted)
    if not docker.program or not (found or versions or docker.tried):
        return {"lines": [], "drain": False}
    lines = [f"package {line}" for line in changes.words(versions)]
    lines += [f"daemon.json {line}" for line in changes.words(found)]
    lines += [] if found or not docker.tried else [f"Docker is not known to have taken its {CONFIG}"]
    return {"lines": lines, "drain": changes.stops_containers(old, wanted, versions)}


def outcome(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes, as changes.differences() returns them, with their text."""
    return {"changes": {name: dict(change) for name, change in found.items()}, "lines": changes.words(found)}
