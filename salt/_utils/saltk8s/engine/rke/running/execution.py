"""One ``rke up`` and what belongs to it: copies of the state, the record, the cordons; whoever is there at its end."""

from __future__ import annotations

import contextlib
import logging
import math
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from saltk8s.base import errors, files, processes
from saltk8s.engine import gate, running, ssh, state_folder
from saltk8s.engine.base import Hooks
from saltk8s.engine.plan import Plan
from saltk8s.engine.progress import Line, Progress
from saltk8s.engine.rke import canal, cluster_yml, rkestate
from saltk8s.engine.rke.planning import consequences, duration
from saltk8s.engine.rke.planning.deployed import SCHEDULE
from saltk8s.engine.rke.program import Program
from saltk8s.engine.rke.running import addresses, attempt, leavers, snapshot, turns
from saltk8s.engine.rke.state import copies
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.operations.cordons import Cordons
from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE, ETCD

SHOWN = 10
LEFTOVERS_S = 600  # after which nobody writes to a file any more
_NEXT_NODE = re.compile(r"Processing (?:controlplane )?host|Successfully upgraded")  # it is done with the one before


def limit_s(timeouts: Mapping[str, int], config: Mapping[str, Any]) -> int:
    """Return how long one ``rke up`` may take.

    timeouts: the model's; config: ``cluster.yml``. Control planes and etcd members have their turn one after the other,
    the others as many at a time as it says.
    """
    alone = [bool({CONTROL_PLANE, ETCD} & set(node["role"])) for node in config["nodes"]]
    turns = alone.count(True) + math.ceil(alone.count(False) / cluster_yml.together(config))
    return timeouts["up_s"] + turns * timeouts["up_node_s"]


class Execution:
    """Runs ``rke up``, follows one whose caller has ended, and completes what such a run left."""

    def __init__(self, model: Mapping[str, Any], program: Program, kubectl: Kubectl, hooks: Hooks):
        """model, hooks: see Engine."""
        self._cluster, self._paths = model["cluster"], model["paths"]
        self._folder = Path(self._paths["state_dir"])
        self._path = self._folder / state_folder.RECORD
        self._program, self._kubectl = program, kubectl
        self._cordons = Cordons(kubectl, "rke", hooks.log)
        self._log, self._hooks = hooks.log, hooks
        self.progress = Progress("rke", hooks.log, hooks.event)
        config = self._paths["cluster_yml"]
        self.snapshots = snapshot.Snapshots(program.path, config, self._any_docker, self.progress.line)
        # waits until the cluster of a ``cluster.yml`` is healthy; returns what is still wrong
        self.healthy: Callable[[Mapping[str, Any]], list[Any]] = lambda config: []
        self.prober: ssh.Prober | None = None  # reaches machines that have left

    @property
    def last(self) -> running.Run | None:
        """The newest run that this release started."""
        return running.last(self._folder / state_folder.RUNS)

    @property
    def began(self) -> Mapping[str, Any]:
        """The record of a run that did not end, or whose end nobody has settled yet; nothing for one that is done."""
        record = state_folder.read_record(self._path) or {}
        return {} if record.get("status") == "done" else record

    def record(self) -> dict[str, Any] | None:
        """Return the record of the last run; of one that succeeded after its caller had ended, as it will be."""
        record = state_folder.read_record(self._path)
        return self._reached(record, self._written()) if record and self._ended(record) == 0 else record

    def refuse_others(self, anyway: bool = False) -> None:
        """Raise Refused while somebody runs rke on this cluster by hand, or another operation on it has not ended.

        anyway: that operation itself goes on, or it is given up.
        """
        record = {} if anyway else self.record() or {}
        if record.get("operation") and not (self.last and self.last.alive):
            raise errors.Refused(
                f"the {record['operation']} did not end, and rke up would not complete it: run {record['command']} "
                "again, which goes on with it. To go on without: k8s_cluster.up repair=True"
            )
        ours = (self.last and self.last.alive) or self.snapshots.going_on
        found = [] if ours else processes.started_in("rke", self._folder)
        if found:
            names = ", ".join(f"process {one.pid}, running for {one.age_s:.0f} s" for one in found)
            raise errors.Refused(
                f"rke was started by hand on this cluster ({names}); wait until it ends, or end it yourself: two runs "
                f"at once would undo each other's work. To keep others out, run it as "
                f"`flock {self._folder / state_folder.LOCK} rke ...`"
            )

    def follow_snapshot(self) -> list[str]:
        """Follow a snapshot whose caller has ended to its end; return what is to be said of it."""
        run = self.snapshots.going_on
        if not run or self._owned():
            return []
        self.progress.send("follow", {"run": str(run)})
        return self.snapshots.follow(cluster_yml.secrets(self._written()))

    def follow(self) -> errors.SaltK8sError | None:
        """Follow a run whose caller has ended to its end; return how it failed. Raises CommandTimeout if it goes on."""
        run = self.last
        if not run or not run.alive or self._owned():
            return None
        self.progress.send("follow", {"run": str(run)})
        record = state_folder.read_record(self._path) or {}
        config = self._written()
        try:
            self._program.follow(run, *self._how(record, config))
        except errors.CommandError as err:
            if run.alive:
                raise
            return err
        return None

    def _owned(self) -> bool:
        owner = state_folder.owner(self._folder / state_folder.LOCK)
        return bool(owner and owner.alive)

    def mend(self) -> None:
        """Mend what a run left that did not end, the lock is held."""
        for folder in (self._folder, self._paths["backups"]):
            files.remove_leftovers(folder, LEFTOVERS_S)
        if said := copies.mend(self._paths):
            self._log(logging.WARNING, said)
            self.progress.send("mended", {"what": said})

    def settle(self) -> str:
        """Complete what a run left whose caller had ended, the lock is held.

        Returns what is to be said of it, "" when there was none that succeeded.
        """
        record = state_folder.read_record(self._path)
        if not record or record.get("status") != "running":
            return ""
        try:
            if self._ended(record) == 0:
                self._done(record, self._written())
                return f"{record.get('operation', 'rke up')} of {record['time']}, whose caller had ended, succeeded"
        except BaseException:
            self._failed(record)
            raise
        self._failed(record)
        return ""

    def up(self, config: dict[str, Any], plan: Plan, leaving: Mapping[str, str], descriptor: int, repair: bool) -> None:
        """Run ``rke up`` to its end.

        config: the declared ``cluster.yml``; plan: why it is run; leaving: {name: address} of the nodes that leave;
        descriptor: of the lock, which rke holds for as long as it lives; repair: whether it goes on without a snapshot.
        Raises CommandError, CommandTimeout, MissingProgram.
        """
        paths, old = self._paths, state_folder.read_record(self._path) or {}
        self._copy("before")
        files.write(paths["cluster_yml"], cluster_yml.text(config))
        record = {
            **state_folder.attempt(old, self._cluster["version"]),
            "attempted_config": attempt.mark(config, old),
            "cordoned": sorted({*self._cordons.read(), *old.get("cordoned", [])}),
            **leavers.of(plan, leaving, config, old),
            "plan": {"create": plan.create, "options": sorted(plan.options), "joined": consequences.joined(plan)},
        }
        record.pop("operation", None)
        resumes = attempt.resumes(config, old)
        # what an unfinished run left is not in the plan of the next one
        record["gated"] = not repair and (gate.between(plan) or bool(resumes and old.get("gated")))
        if not resumes:
            record.pop("snapshot", None)
            if gate.wants_snapshot(plan, SCHEDULE):
                record["snapshot"] = self._snapshot(config, descriptor, not repair)
                plan.notes.append(record["snapshot"])
        self.progress.send("start", {"plan": plan.lines()[:SHOWN]})
        begin = time.monotonic()

        def measured() -> None:
            record["measured"] = duration.measure(record.get("measured"), plan, time.monotonic() - begin)

        self._carry_out(["up"], record, config, descriptor, measured)

    def act(
        self,
        operation: str,
        command: str,
        words: Sequence[str],
        config: dict[str, Any],
        descriptor: int,
        with_snapshot: bool,
        needed: bool,
    ) -> list[str]:
        """Run another command of rke's that changes the cluster; return what is to be said.

        operation, command: how it is told, and the function that goes on with it; words: rke's; with_snapshot: take one
        before; needed: fail without it; else as ``up``.
        """
        old = state_folder.read_record(self._path) or {}
        self._copy("before")
        files.write(self._paths["cluster_yml"], cluster_yml.text(config))
        said = [self._snapshot(config, descriptor, needed)] if with_snapshot else []
        record = {
            **state_folder.attempt(old, self._cluster["version"]),
            **{"operation": operation, "command": command, "attempted_config": "", "gated": False},
            "cordoned": sorted({*self._cordons.read(), *old.get("cordoned", [])}),
            **({"snapshot": said[0]} if said else {}),
        }
        self.progress.send("start", {"operation": operation})
        self._carry_out(words, record, config, descriptor)
        return said

    def _carry_out(
        self,
        words: Sequence[str],
        record: dict[str, Any],
        config: dict[str, Any],
        descriptor: int,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Run rke to its end, with the record written before and after."""
        reserved = state_folder.reserve(self._folder)
        state_folder.write_record(self._path, record)
        limit, on_line, texts, turn = self._how(record, config)
        # the key in cluster.yml alone is overridden
        flags = ["--config", self._paths["cluster_yml"], *(["--ignore-docker-version"] if self._any_docker else [])]
        try:
            self._program.run([*words, *flags], limit, on_line, texts, [descriptor], turn)
            after()
            self._done(record, config)
        except errors.CommandError as err:
            self._failed(record)
            raise self._told(err) from err
        except BaseException:
            self._failed(record)
            raise
        finally:
            reserved.unlink(missing_ok=True)

    def _snapshot(self, config: dict[str, Any], descriptor: int, needed: bool) -> str:
        return self.snapshots.take(cluster_yml.secrets(config), [descriptor], needed)

    @property
    def _any_docker(self) -> bool:
        return bool(self._cluster.get("accept_any_docker"))

    def _how(self, record: Mapping[str, Any], config: dict[str, Any]) -> tuple[Any, ...]:
        """Return the time limit, what is done with each line, what is redacted, and the gate between nodes."""
        cordoned = record.get("cordoned", [])
        together = cluster_yml.together(config)
        turn = turns.Turns(together, lambda: self.healthy(config)) if record.get("gated") else None

        def line(line: Line) -> None:
            self.progress.line(line)
            if copies.SAVED in line.message:
                with self._or_logged():
                    copies.keep(self._paths)
            if turn:
                turn.take(line.message)
            if cordoned and _NEXT_NODE.search(line.message):
                self._cordons.restore(cordoned)

        return limit_s(self._cluster["timeouts"], config), line, cluster_yml.secrets(config), turn

    def _written(self) -> dict[str, Any]:
        """Return the ``cluster.yml`` that rke was given last."""
        return yaml.safe_load(files.read(self._paths["cluster_yml"]) or "")

    def _ended(self, record: Mapping[str, Any]) -> int | None:
        """Return the exit status of the run that a record says is running, None when it has none."""
        run = self.last
        if record.get("status") != "running" or not run or run.alive or run.base.name < record.get("time", ""):
            return None
        return run.exit_status

    def _failed(self, record: Mapping[str, Any]) -> None:
        if (run := self.last) and run.alive:
            return  # only its caller ends: the next run follows it
        with self._or_logged():
            self._keep("failed")
        left = self._cordons.restore(record.get("cordoned", []))
        record = {**record, "status": "failed", "time": state_folder.now(), "cordoned": left}
        with self._or_logged():
            state_folder.write_record(self._path, record)
        self.progress.send("failed", {"phase": self.progress.phase})

    @contextlib.contextmanager
    def _or_logged(self) -> Iterator[None]:
        """Log what cannot be written and go on: rke still runs, or why it failed is still to be told."""
        try:
            yield
        except OSError as err:
            self._log(logging.WARNING, f"{err.strerror}: {err.filename}")

    def _told(self, err: errors.CommandError) -> errors.CommandError:
        """Return why rke failed; of a full disk it may have left no word."""
        if (left := files.room(self._folder)) >= state_folder.FULL:
            return err
        return errors.CommandError(f"{state_folder.no_space(self._folder, left)}; {err}", err.exit_status)

    def _done(self, record: Mapping[str, Any], config: dict[str, Any]) -> None:
        why = record.get("plan", {})
        plan = Plan(create=why.get("create", False), options={path: {} for path in why.get("options", [])})
        # before the cluster is healthy: options that break its network have to be taken back
        addresses.give(self._kubectl, config)
        canal.settle(self._kubectl, config, plan, self._cluster["timeouts"]["ready_s"], self.progress.send)
        self._keep("after")
        if self.prober:
            leavers.finish(self.prober, record, self._hooks)
        left = self._cordons.restore(record.get("cordoned", []))
        state_folder.write_record(self._path, {**self._reached(record, config), "cordoned": left})

    def _keep(self, moment: str) -> None:
        for name in ("state_file", "kubeconfig"):
            files.take_over(self._paths[name])
        self._copy(moment)

    def _copy(self, moment: str) -> None:
        copies.keep(self._paths)
        state_folder.backup(self._paths["state_file"], self._paths["backups"], moment, rkestate.usable)

    def _reached(self, record: Mapping[str, Any], config: dict[str, Any]) -> dict[str, Any]:
        """Return the record of a run that reached a configuration."""
        observed = copies.read(self._paths)
        salt = secrets.token_hex(16)
        return {
            "status": "done",
            "time": state_folder.now(),
            "salt": salt,
            "config": cluster_yml.fingerprinted(config, salt),
            "digest": observed["digest"] if observed else "",
            "rke": self._program.version(),
            "joined": record.get("plan", {}).get("joined", False),
            **{key: record[key] for key in ("measured", "snapshot") if key in record},
        }
