"""A node's turn, from its beginning to its end: gate, drain, permission; then health, uncordon.

Every step can be interrupted and done again: the record on the admin says which node has its turn, the permission on
the node ends by itself, and no second turn begins before the first one has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from saltk8s.base import errors
from saltk8s.engine import health, state_folder
from saltk8s.engine.ssh import Prober
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.operations import cordon, drain, target
from saltk8s.nodes import reboot, turn
from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE, ETCD
from saltk8s.turns import record
from saltk8s.turns.record import Open

GATE_S = 120  # a cluster may only be recovering from the turn before
SHOWN = 10
Report = Callable[[str, dict[str, Any]], None]


class Turns:
    """The turns of one cluster's nodes."""

    def __init__(
        self,
        model: Mapping[str, Any],
        status: Callable[[], Mapping[str, Any]],
        kubectl: Kubectl,
        prober: Prober,
        report: Report = lambda phase, data: None,
    ):
        """model: what ``k8s_config.get`` returns; status: returns ``k8s_cluster.status``; prober: runs a command on a
        node as the deploy user; report: called with ``begin``, ``end``, ``refused`` and data.
        """
        self._model, self._status, self._kubectl, self._prober = model, status, kubectl, prober
        self._folder, self._report = Path(model["paths"]["state_dir"]), report

    @property
    def open(self) -> Open | None:
        """The turn that has begun and not ended."""
        return record.read(self._folder)

    def order(self, names: Iterable[str]) -> list[str]:
        """Return nodes in the order of their turns: one that has begun, workers, then the others.

        Raises Refused for one that the pillar does not have.
        """
        names, nodes, begun = set(names), self._model["nodes"], self.open
        if unknown := sorted(names - nodes.keys()):
            raise errors.Refused(f"k8s:nodes has no {', '.join(unknown)}; it has {', '.join(nodes)}")
        first = {begun.node} if begun and begun.node in nodes else set()
        return sorted(names | first, key=lambda name: (name not in first, _central(nodes[name]["roles"]), name))

    def begin(self, name: str, drained: bool, options: drain.Options, test: bool = False) -> dict[str, Any]:
        """Give a node its turn; return ``changes`` and ``lines``.

        drained: evict its pods before; options: of that drain; test: return what would be done.
        Raises Refused (another node's turn, a pod that keeps the drain from being done), NotReady (the cluster is not
        healthy), DrainIncomplete (then the node is as before), Unreachable.
        """
        self.order([name])
        begun = self._checked(name)
        if test:
            if not begun:
                self._gate(0)
            found = drain.drain(self._kubectl, name, options, True) if drained else {"lines": [], "obstacles": []}
            lines = [*found["obstacles"], *found["lines"]]
            return {"changes": {name: {"old": "no turn", "new": "turn"}}, "lines": lines}
        with state_folder.lock(self._folder / state_folder.LOCK, f"the turn of {name}"):
            begun = self._checked(name)
            if not begun:
                self._gate(GATE_S)
                begun = Open(name, state_folder.now(), drained, self._cordoned(name))
                record.write(self._folder, begun)
            elif drained and not begun.drain:
                begun = begun._replace(drain=True)
                record.write(self._folder, begun)
            lines = self._drained(begun, options) if begun.drain else []
            self._send(name, turn.grant(turn.Turn(name, begun.drain)))
        self._report("begin", {"node": name, "drain": begun.drain})
        return {"changes": {name: {"old": "no turn", "new": "turn"}}, "lines": lines}

    def end(self, name: str, timeout_s: float, force: bool = False, test: bool = False) -> dict[str, Any]:
        """End a node's turn once the cluster is healthy; return ``changes`` and ``lines``, none when it has no turn.

        timeout_s: until it is healthy; force: end it now, whatever it is like; a node that was drained stays cordoned.
        Raises NotReady: then the turn stays open, and no other node gets one.
        """
        begun = self.open
        if not begun or begun.node != name:
            return {"changes": {}, "lines": [f"{name} has no turn"]}
        done = {"changes": {name: {"old": "turn", "new": "no turn"}}, "lines": [f"the turn of {name} ends"]}
        if test:
            return done
        with state_folder.lock(self._folder / state_folder.LOCK, f"the turn of {name}"):
            if not force:
                self._wait_healthy(begun, timeout_s)
                self._send(name, turn.revoke())
                if begun.drain and not begun.cordoned:
                    cordon.cordon(self._kubectl, name, False, False)
            record.remove(self._folder)
        self._report("end", {"node": name, "since": begun.since, "forced": force})
        return done

    def _wait_healthy(self, begun: Open, timeout_s: float) -> None:
        reasons = health.wait_for(lambda: self._reasons(begun.node), timeout_s, self._report)
        if reasons:
            self._report("refused", {"node": begun.node, "reasons": reasons[:SHOWN]})
            raise errors.NotReady(
                f"{begun.node} is not well after its turn. It {'stays cordoned' if begun.drain else 'keeps its turn'}, "
                f"and no other node gets a turn before. Mend it and end the turn (k8s_nodes.end {begun.node}); with "
                f"force=True it ends as it is:\n{_lines(reasons)}"
            )

    def _checked(self, name: str) -> Open | None:
        """Return this node's turn when it has begun. Raises Refused while another node has one."""
        begun = self.open
        if begun and begun.node != name:
            raise errors.Refused(
                f"{begun.node} has its turn since {begun.since}, and one node has a turn at a time: go on with it "
                f"(k8s_nodes.begin {begun.node}), or end it (k8s_nodes.end {begun.node})"
            )
        return begun

    def _gate(self, wait_s: float) -> None:
        reasons = health.wait_for(lambda: list(self._status()["reasons"]), wait_s, self._report)
        if reasons:
            self._report("refused", {"reasons": reasons[:SHOWN]})
            raise errors.NotReady(
                "the cluster is not healthy, so no node gets a turn; nothing was done:\n" + _lines(reasons)
            )

    def _drained(self, begun: Open, options: drain.Options) -> list[str]:
        try:
            return list(drain.drain(self._kubectl, begun.node, options, False)["lines"])
        except errors.SaltK8sError:
            self._give_up(begun)
            raise

    def _give_up(self, begun: Open) -> None:
        """A drain that cannot be done is no turn: the node takes pods again, and others may have theirs."""
        if not begun.cordoned:
            cordon.cordon(self._kubectl, begun.node, False, False)
        self._send(begun.node, turn.revoke())
        record.remove(self._folder)
        self._report("refused", {"node": begun.node, "reasons": ["its pods could not be evicted"]})

    def _reasons(self, name: str) -> list[str]:
        try:
            reboots = self._prober.ask(self._address(name), reboot.ASKED).strip()
        except errors.SaltK8sError as err:
            return [f"{name} does not answer on SSH: {err}"]
        if reboots:
            return [f"{name} has not rebooted yet"]
        return [str(reason) for reason in self._status()["reasons"]]

    def _cordoned(self, name: str) -> bool:
        return cordon.is_cordoned(target.get_object(self._kubectl, target.NODE, name))

    def _send(self, name: str, command: str) -> None:
        if problem := self._prober.run(self._address(name), command):
            raise errors.Unreachable(f"{name} cannot be told of its turn over SSH: {problem}")

    def _address(self, name: str) -> str:
        return self._model["nodes"][name]["ip"] or name


def _central(roles: Iterable[str]) -> bool:
    return bool({CONTROL_PLANE, ETCD} & set(roles))


def _lines(reasons: list[Any]) -> str:
    more = len(reasons) - SHOWN
    return "\n".join([f"  {reason}" for reason in reasons[:SHOWN]] + ([f"  and {more} more"] if more > 0 else []))
