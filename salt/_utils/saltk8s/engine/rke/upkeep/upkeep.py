"""The operations on a cluster of ``rke``'s. What each of them decides is in the modules beside this one."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from saltk8s.base import errors, files
from saltk8s.engine import state_folder
from saltk8s.engine.base import Hooks, Upkeep
from saltk8s.engine.rke import cluster_yml
from saltk8s.engine.rke.running import snapshot
from saltk8s.engine.rke.snapshots import listing, verify
from saltk8s.engine.rke.state import copies
from saltk8s.engine.rke.upkeep import certificates, defragment, encryption, operation, restoring, rotation
from saltk8s.engine.rke.upkeep.access import Access

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,120}")


class RkeUpkeep(Upkeep):
    """One cluster, built by ``rke``. See saltk8s.engine.base.Upkeep for what the methods promise."""

    def __init__(self, model: dict[str, Any], hooks: Hooks):
        """model: what ``k8s_config.get`` returns; hooks: log and events."""
        super().__init__(model, hooks)
        self._access = Access(model, hooks)

    def snapshots(self) -> list[dict[str, Any]]:
        """Return the snapshots on the etcd nodes, newest first."""
        return listing.table(listing.read(self._access))

    def save_snapshot(self, name: str | None = None, test: bool = False) -> dict[str, Any]:
        """Take a snapshot on every etcd node; rke puts its state into it, which the periodic ones do not have."""
        self._access.running()
        if name is not None and not _NAME.fullmatch(name):
            raise errors.Refused(f"{name!r} is no name of a snapshot: letters, digits, dots, colons, hyphens")
        called = name or snapshot.name("by-hand")
        if test:
            note = self._access.execution.snapshots.note()
            would = f"a snapshot {called} would be taken on {', '.join(self._access.members())}"
            return {"name": called, "lines": [*note, would]}
        paths, config, execution = self._access.paths, self._access.config, self._access.execution
        said = execution.follow_snapshot()
        with self._access.lock("k8s_etcd.save_snapshot") as descriptor:
            if not (name and self._taken(name)):
                if not Path(paths["cluster_yml"]).exists():
                    files.write(paths["cluster_yml"], cluster_yml.text(config))
                said.append(execution.snapshots.take(cluster_yml.secrets(config), [descriptor], called=called))
            else:
                said.append(f"{snapshot.said_of(name)}; whoever asked for it had ended before it was taken")
                execution.snapshots.told()
        self.hooks.event("snapshot", {"name": called})
        return {"name": called, "lines": said}

    def _taken(self, name: str) -> bool:
        """Whether a snapshot was taken for a caller that was killed; one that rke did not complete is taken again.

        Raises Refused for any other of this name.
        """
        if not any(one["name"] == name for one in self.snapshots()):
            return False
        whole = self._access.execution.snapshots.untold(name)
        if whole is None:
            raise errors.Refused(f"there is a snapshot {name} already: a snapshot is never written over")
        return whole

    def verify_snapshot(self, name: str | None = None, node: str | None = None) -> dict[str, Any]:
        """Restore a snapshot into a scratch etcd on a node that has it, read it, and keep what came of it."""
        paths, begin = self._access.paths, time.monotonic()
        with state_folder.lock(Path(paths["state_dir"]) / "snapshot-check.lock", "k8s_etcd.verify_snapshot"):
            row = listing.choose(listing.read(self._access), name, node)
            where = {"name": row.name, "node": row.node, "taken": row.taken}
            self.hooks.event("verify", where)
            try:
                found = verify.check(self._access.node(row.node, self._access.members()[row.node]), row.name, paths)
            except errors.Invalid as err:
                verify.record(paths, {**where, "ok": False, "problem": str(err)})
                self.hooks.event("verify", {**where, "ok": False, "problem": str(err)})
                raise errors.Invalid(f"the snapshot {row.name} on {row.node} cannot be restored: {err}") from err
            seconds = round(time.monotonic() - begin, 1)
            verify.record(paths, {**where, "ok": True, "keys": found["keys"], "seconds": seconds})
        self.hooks.event("verify", {**where, "ok": True, "seconds": seconds})
        return {**where, "taken": listing.date(row.taken), **found, "seconds": seconds}

    def certificates(self) -> dict[str, Any]:
        """Return every certificate of the cluster, the first to expire first."""
        rows, problems = certificates.read(self._access)
        return {"certificates": certificates.table(rows), "problems": problems}

    def rotate_certificates(
        self,
        authority: bool = False,
        before: str | None = None,
        confirm: str | None = None,
        test: bool = False,
        repair: bool = False,
    ) -> dict[str, Any]:
        """Let rke make its certificates anew, and its CA when asked to."""
        nodes, state = self._access.running(), copies.text(self._access.paths)
        if before and not certificates.made_before(state, certificates.day_of(before), authority):
            return {"changes": {}, "lines": [f"nothing to do: all certificates were made on {before} or later"]}
        return operation.run(self._access, rotation.operation(authority, nodes, state), test, confirm, repair)

    def rotate_encryption_key(self, confirm: str | None = None, test: bool = False) -> dict[str, Any]:
        """Let rke make a new key for Secrets in etcd, and take a snapshot that has it."""
        access = self._access
        nodes, keys = access.running(), encryption.keys_of(copies.text(access.paths))
        one = encryption.operation(bool(self.model["cluster"]["encrypt_secrets"]), nodes, keys)
        done = operation.run(access, one, test, confirm, False, lambda: encryption.prepare(access))
        if not test:
            done["lines"] += self.save_snapshot()["lines"]
        return done

    def restore(
        self, name: str, confirm: str | None = None, test: bool = False, verify_first: bool = True
    ) -> dict[str, Any]:
        """Let rke put the cluster back to a snapshot."""
        found = restoring.preview(self._access, name)
        checked = ["the snapshot is checked in a scratch etcd first"] if verify_first else ["it is not checked first"]
        if not test:
            operation.confirmed(self._access, confirm)
        if verify_first and not test and not restoring.goes_on(self._access):
            checked = [restoring.told(self.verify_snapshot(name))]
        one = found._replace(lines=[*checked, *found.lines])
        return operation.run(self._access, one, test, confirm, repair=True)

    def last_check(self) -> dict[str, Any]:
        """Return what came of the last check of a snapshot."""
        return verify.read(self._access.paths)

    def defragment(self, test: bool = False) -> dict[str, Any]:
        """Give back what etcd's databases do not use."""
        if test:
            return defragment.run(self._access, True)
        said = self._access.execution.follow_snapshot()
        with self._access.lock("k8s_etcd.defragment"):
            done = defragment.run(self._access, False)
        return done | {"lines": [*said, *done["lines"]]}
