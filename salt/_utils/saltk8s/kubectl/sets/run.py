"""Carry out a plan: write wave by wave, write what had to wait as soon as the API server accepts it, then prune."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.compare import dry_run
from saltk8s.kubectl.compare.dry_run import Errors
from saltk8s.kubectl.manifests import order
from saltk8s.kubectl.manifests.identity import Key
from saltk8s.kubectl.sets.actions import titles
from saltk8s.kubectl.sets.trial import Trial
from saltk8s.kubectl.sets.writing import EFFECT_S, Done, Writer

FIRST_PAUSE_S, LAST_PAUSE_S = 0.1, 2.0


class Run:
    """One run of a plan; timeout_s: how long a webhook may take to come up that this run mends."""

    def __init__(self, trial: Trial, writer: Writer, timeout_s: float):
        self._trial = trial
        self._plan = trial.plan
        self._writer = writer
        self._timeout_s = timeout_s
        self._done: dict[Key, None] = {}

    def carry_out(self) -> Done:
        """Write and delete what the plan says; return what was done, and the error that ended it."""
        try:
            self._release(self._plan.releases())
            reached = 0
            for wave in self._writer.waves(self._plan):
                self._write_wave(wave)
                reached = max(reached, order.wave(wave[0]))
                self._catch_up(reached)
            while self._plan.waiting:
                self._go_on()
            self._delete([key for key in self._plan.deletes() if key not in self._done])
        except errors.SaltK8sError as err:
            self._plan.notes += [
                f"{key.title}: replacement interrupted: deleted, not yet re-created; the next run creates it"
                for key in sorted(self._writer.deleted)
            ]
            return list(self._done), err
        return list(self._done), None

    # -- what is fit

    def _write_wave(self, keys: Sequence[Key]) -> None:
        written, err = self._writer.write(keys, self._plan, self._trial.live)
        self._done |= dict.fromkeys(written)
        rest = [key for key in keys if key not in self._done]
        if err is None:
            return
        if not rest or not self._trial.about_an_object(err):
            raise err
        # a real request may be rejected where the dry run was not, or what this run wrote before changed something
        self._wait_for_others(self._attempt(rest))

    def _attempt(self, keys: Collection[Key]) -> Errors:
        """Try objects again and write those that are accepted; return the errors of the other ones."""
        rejected = self._trial.again(order.sort(keys))
        for key in [key for key in keys if key not in rejected]:
            self._plan.waiting.pop(key, None)
        for wave in order.writing_waves(key for key in keys if key not in rejected and key in self._plan.actions):
            rejected |= self._write_again(wave)
        return rejected

    def _write_again(self, keys: Sequence[Key]) -> Errors:
        written, err = self._writer.write(keys, self._plan, self._trial.live)
        self._done |= dict.fromkeys(written)
        rest = [key for key in keys if key not in self._done]
        if err is None:
            return {}
        if not rest or not self._trial.about_an_object(err):
            raise err
        if len(keys) == 1:
            return {keys[0]: api_errors.with_titles(err, keys[0].title)}
        found: Errors = {}
        for key in rest:
            found |= self._write_again([key])
        return found

    def _wait_for_others(self, rejected: Errors) -> None:
        """Let rejected objects wait for what this run may still do for them; raise when there is nothing of that."""
        refused: Errors = {}
        for key, err in rejected.items():
            depends = self._trial.depends(key, err)
            if depends:
                self._trial.wait(key, err, depends)
            else:
                refused[key] = err
        error = dry_run.combined(self._trial.set_aside(refused))
        if error:
            raise error

    # -- what has to wait

    def _catch_up(self, wave: int) -> None:
        """Write what belongs into this wave or an earlier one, and waits only for what is done."""
        while True:
            ready = [key for key in self._plan.waiting if order.wave(key) <= wave and not self._missing(key)]
            if not ready:
                return
            self._progress(ready)

    def _go_on(self) -> None:
        """All waves are written: write what waits, delete what is in its way."""
        ready = [key for key in self._plan.waiting if not self._missing(key)]
        wanted = {key for waiting in self._plan.waiting for key in self._missing(waiting)}
        in_the_way = [key for key in self._plan.deletes() if key in wanted]
        if in_the_way and not ready:
            self._delete(in_the_way)
        else:
            self._progress(ready or list(self._plan.waiting))

    def _missing(self, key: Key) -> list[Key]:
        return [other for other in self._plan.actions[key].depends if other not in self._done]

    def _progress(self, keys: Sequence[Key]) -> None:
        """Try objects until one of them is accepted, or waits for something else; raise when that takes too long."""
        patient = any(isinstance(self._plan.waiting[key], api_errors.WebhookFailed) for key in keys)
        end, pause = time.monotonic() + (self._timeout_s if patient else EFFECT_S), FIRST_PAUSE_S
        before = {key: self._missing(key) for key in keys}
        while True:
            rejected = self._attempt(keys)
            self._wait_for_others(rejected)
            if any(key not in rejected or self._missing(key) != before[key] for key in keys):
                return
            if time.monotonic() > end:
                break
            time.sleep(pause)
            pause = min(LAST_PAUSE_S, pause * 1.5)
        for key, err in rejected.items():
            depends = self._plan.actions[key].depends
            done = [other for other in depends if other in self._done]
            text = f"still rejected after {titles(done)} was written" if done else f"it needs {titles(depends)} first"
            err.args = (f"{err}: {text}",)
        error = dry_run.combined(self._trial.set_aside(rejected))
        if error:
            raise error

    # -- what leaves the set

    def _release(self, keys: Sequence[Key]) -> None:
        released, err = self._writer.release(keys, self._trial.live) if keys else ([], None)
        self._done |= dict.fromkeys(released)
        if err:
            raise err

    def _delete(self, keys: Sequence[Key]) -> None:
        gone = [key for key in keys if any(other in self._done for other in self._plan.actions[key].depends)]
        self._done |= dict.fromkeys(gone)  # with what was replaced: their names may be those of new objects
        keys = [key for key in keys if key not in gone]
        for some in self._writer.apart(keys):
            deleted, err = self._writer.delete(order.sort(some), self._trial.live)
            self._done |= dict.fromkeys(deleted)
            left = [key for key in some if key not in deleted]
            if err and (not left or self._trial.set_aside(dict.fromkeys(left, err))):
                raise self._trial.with_way_out(err)
