"""Commands of ``rke`` that change keys or data of a cluster: confirmed, gated, with a snapshot, and gone on with.

What began and did not end is written down: the same operation goes on without being gated again, and until it has ended
no other run begins, because ``rke up`` would not complete what another command left half done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from saltk8s.base import errors
from saltk8s.engine import gate, health, state_folder
from saltk8s.engine.rke import cluster_yml
from saltk8s.engine.rke.engine import Rke
from saltk8s.engine.rke.state import copies
from saltk8s.engine.rke.upkeep.access import Access

SHOWN = 10


class Operation(NamedTuple):
    """One of them. name: how it is written down and told; command: the function that does it, and goes on with it;
    words: rke's; lines: what it does, for a human; snapshot: whether one is taken before; gated: whether the cluster
    has to be healthy and as it is declared.
    """

    name: str
    command: str
    words: Sequence[str]
    lines: Sequence[str]
    snapshot: bool = True
    gated: bool = True


def confirmed(access: Access, confirm: str | None) -> None:
    """Raise Refused unless the cluster's name was typed."""
    name = access.model["cluster"]["name"]
    if confirm != name:
        raise errors.Refused(
            f"this changes the cluster {name}: add confirm={name} to do it, or test=True to see what it does"
        )


def run(
    access: Access,
    one: Operation,
    test: bool,
    confirm: str | None,
    repair: bool,
    prepare: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Do it, or say what it would do. Raises what k8s_cluster.up raises before and after a run of rke.

    prepare: called before rke runs, with the lock held and no other rke at work.
    """
    began = access.execution.began
    goes_on = began.get("operation") == one.name
    same = goes_on and began.get("command") == one.command
    if not test:
        confirmed(access, confirm)
    if one.gated and not goes_on:
        _check(Rke(access.model, access.hooks), repair)
    state_folder.check_room(access.paths["state_dir"])
    head = [f"goes on with the {one.name} that did not end"] if goes_on else []
    lines = [*head, *one.lines]
    changes: dict[str, Any] = {"operation": {"old": None, "new": one.name}}
    if test:
        return _would(access, changes, lines, same)
    lines = [*access.execution.follow_snapshot(), *lines]
    failure = access.execution.follow()
    with access.lock(one.command) as descriptor:
        access.execution.mend()
        settled = access.execution.settle()
        if failure:
            raise failure
        if settled and same:
            changes = {"followed": settled}
        else:
            prepare()
            state = copies.read(access.paths)
            config = cluster_yml.in_order(access.config, state["nodes"] if state else ())
            snapshot = one.snapshot and not goes_on
            lines += access.execution.act(one.name, one.command, one.words, config, descriptor, snapshot, not repair)
    _wait(access, one)
    access.execution.progress.send("done", {"operation": one.name})
    return {"changes": changes, "lines": lines}


def _would(access: Access, changes: Mapping[str, Any], lines: Sequence[str], same: bool) -> dict[str, Any]:
    """Return what it would do. same: whether it is what an earlier call began."""
    notes = access.execution.snapshots.note()
    run, reached = access.execution.last, access.execution.record() or {}
    if same and run and run.alive:
        notes.append(f"rke still runs, {run}: it is followed to its end first")
    if same and reached.get("status") == "done":
        return {"changes": {"followed": f"what rke did for a caller that had ended succeeded ({run})"}, "lines": notes}
    return {"changes": dict(changes), "lines": [*notes, *lines]}


def _check(engine: Rke, repair: bool) -> None:
    plan = engine.plan(repair)
    if plan.create or gate.changes(plan) or (plan.reasons and not repair):
        lines = [f"  {line}" for line in plan.lines()[:SHOWN]]
        raise errors.Refused(
            "\n".join(["refused, nothing was run: the cluster is not what is declared; first apply k8s:", *lines])
        )


def _wait(access: Access, one: Operation) -> None:
    engine, timeout_s = Rke(access.model, access.hooks), access.model["cluster"]["timeouts"]["ready_s"]
    report = access.execution.progress.send
    if reasons := health.wait_for(lambda: engine.status()["reasons"], timeout_s, report):
        text = health.described(access.kubectl, reasons)
        raise errors.NotReady(f"the {one.name} succeeded, but the cluster is not healthy after {timeout_s} s:\n{text}")
