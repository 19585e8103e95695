"""Server-side dry runs: what the API server would store, of which nothing is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors, parallel
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.manifests.identity import Key, key_of

SHOWN = 10  # objects that are named when many are rejected

_IMMUTABLE = re.compile(
    r"immutable|may not (?:be )?change|cannot (?:be )?change|(?:updates? to|changes to) .*(?:forbidden|not allowed)"
)
Errors = dict[Key, errors.SaltK8sError]


class Tried(NamedTuple):
    """What dry runs said: the objects as they would be stored (those whose answers were wanted), and the errors."""

    answers: dict[Key, dict[str, Any]]
    rejected: Errors


class Judge:
    """What is to be known of errors while many objects are tried. This one knows nothing of the run."""

    def about_an_object(self, err: errors.SaltK8sError) -> bool:
        """Return whether an error is about one of several objects: another one of them may be accepted."""
        return not isinstance(err, api_errors.NOT_ABOUT_AN_OBJECT)

    def for_good(self, key: Key, err: errors.SaltK8sError) -> bool:
        """Return whether nothing that this run does could lift a rejection."""
        return True

    def ends(self, key: Key, err: errors.SaltK8sError) -> bool:
        """Return whether the run ends because an object is rejected."""
        return self.for_good(key, err)


class _Found:
    """The errors of objects that are tried one by one, until enough are known."""

    def __init__(self, judge: Judge):
        self.judge = judge
        self.rejected: Errors = {}
        self._ending = 0

    @property
    def enough(self) -> bool:
        return self._ending >= SHOWN

    def add(self, key: Key, err: errors.SaltK8sError) -> None:
        self.rejected[key] = err
        self._ending += self.judge.ends(key, err)


class DryRun:
    """Dry runs of declared objects; force_conflicts: take over fields of other managers."""

    def __init__(self, kubectl: Kubectl, declared: Mapping[Key, Mapping[str, Any]], force_conflicts: bool):
        self._kubectl = kubectl
        self._declared = declared
        self._force_conflicts = force_conflicts

    def tried(self, keys: Sequence[Key], answers: bool, judge: Judge) -> Tried:
        """Try objects, all at once if all are accepted; answers: whether what would be stored is wanted.

        Once SHOWN rejections end the run, no other object is tried. Raises what is not about an object.
        """
        try:
            return Tried(self._accepted(keys, answers), {})
        except errors.SaltK8sError as err:
            if not judge.about_an_object(err):
                raise
        found = _Found(judge)
        self._search(list(keys), found)
        rest = [key for key in keys if key not in found.rejected]
        return Tried(self._accepted(rest, answers) if answers and not found.enough else {}, found.rejected)

    def _accepted(self, keys: Sequence[Key], answers: bool) -> dict[Key, dict[str, Any]]:
        return {key_of(obj): obj for obj in parallel.run(lambda part: self._apply(part, answers), keys, "dry run")}

    def stand_in(self, key: Key, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Return what would be stored of an object that is tried in the place of a declared one."""
        return self._kubectl.apply(
            [obj], dry_run=True, force_conflicts=self._force_conflicts, what=key.title, answers=True
        )[0]

    def _search(self, keys: list[Key], found: _Found) -> None:
        """Find which objects are rejected. kubectl does not say which it means: halves are tried until one is left."""
        if not keys or found.enough:
            return
        try:
            self._apply(keys, answers=False, what=keys[0].title)
        except api_errors.Terminating as err:  # true of all that it has
            within = [key for key in keys if key.namespace == err.namespace] or keys[:1]
            titles = ", ".join(key.title for key in within[:SHOWN]) + (" ..." if len(within) > SHOWN else "")
            found.add(within[0], api_errors.Terminating(err.reason, err.namespace, titles))
            self._search([key for key in keys if key not in within], found)
        except errors.SaltK8sError as err:
            about_an_object = found.judge.about_an_object(err)
            if not about_an_object and not found.rejected:
                raise
            if len(keys) == 1 or not about_an_object:
                found.add(keys[0], _with_advice(err))
                return
            middle = len(keys) // 2
            self._search(keys[:middle], found)
            self._search(keys[middle:], found)

    def _apply(self, keys: Sequence[Key], answers: bool, what: str = "kubectl") -> list[dict[str, Any]]:
        objects = [self._declared[key] for key in keys]
        return self._kubectl.apply(
            objects, dry_run=True, force_conflicts=self._force_conflicts, what=what, answers=answers
        )


def combined(found: Errors) -> errors.SaltK8sError | None:
    """Return one error for those of several objects, None for none; it says when there may be more."""
    all_of_them = list(found.values())
    webhooks = {err.webhook for err in all_of_them if isinstance(err, api_errors.WebhookFailed)}
    if len(webhooks) == 1 and all(isinstance(err, api_errors.WebhookFailed) for err in all_of_them):
        all_of_them = all_of_them[:1]  # true of all that it watches
    error = api_errors.combined(all_of_them)
    if error and len(all_of_them) >= SHOWN:
        error.args = (f"{error}\nand possibly more: no further object was checked",)
    return error


def is_immutable(err: errors.SaltK8sError) -> bool:
    """Return whether an object is rejected because one of its fields is immutable."""
    return isinstance(err, errors.Invalid) and bool(_IMMUTABLE.search(err.reason))


def without_dry_runs(err: errors.SaltK8sError) -> str:
    """Return the name of the webhook, because of whose side effects an object cannot be tried; "" for other errors."""
    return err.webhook if isinstance(err, api_errors.Denied) and "does not support dry run" in str(err) else ""


def _with_advice(err: errors.SaltK8sError) -> errors.SaltK8sError:
    if not (isinstance(err, errors.Invalid) and is_immutable(err)):
        return err
    advice = "it cannot be changed in place; name the object in replace to have it deleted and re-created"
    return errors.Invalid(f"{err}: {advice}", err.field, err.reason, err.by)
