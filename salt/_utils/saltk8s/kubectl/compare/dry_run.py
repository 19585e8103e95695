"""Server-side dry runs: what the API server would store, of which nothing is stored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors, parallel
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.manifests.identity import Key, key_of

SHOWN = 10  # objects that are named when many are rejected

_IMMUTABLE = re.compile(
    r"immutable|may not (?:be )?change|cannot (?:be )?change|(?:updates? to|changes to) .*(?:forbidden|not allowed)"
)


class DryRun:
    """Dry runs of declared objects; force_conflicts: take over fields of other managers."""

    def __init__(self, kubectl: Kubectl, declared: Mapping[Key, Mapping[str, Any]], force_conflicts: bool):
        self._kubectl = kubectl
        self._declared = declared
        self._force_conflicts = force_conflicts

    def results(self, keys: Sequence[Key]) -> dict[Key, dict[str, Any]]:
        """Return the objects as they would be stored. Raises the errors of all that are rejected (see rejected())."""
        found = self._run(lambda part: self._apply(part, answers=True), keys)
        return {key_of(obj): obj for obj in found}

    def check(self, keys: Sequence[Key]) -> None:
        """Try objects whose result is not needed; raises as results() does."""
        self._run(lambda part: self._apply(part, answers=False), keys)

    def replacement(self, key: Key, uid: str) -> dict[str, Any]:
        """Return an object as it would be re-created: tried under another name, because its own is taken.

        uid: of the live object; where the API server writes name or uid of the new one, those of the live one are put.
        """
        obj = dict(self._declared[key])
        name = f"{key.name[:40].rstrip('-.')}-replaced"
        obj["metadata"] = dict(obj["metadata"]) | {"name": name}
        answer = self._kubectl.apply(
            [obj], dry_run=True, force_conflicts=self._force_conflicts, what=key.title, answers=True
        )[0]
        text = json.dumps(answer).replace(f'"{name}"', f'"{key.name}"').replace(answer["metadata"]["uid"], uid)
        return json.loads(text)

    def rejected(self, keys: Sequence[Key]) -> errors.SaltK8sError | None:
        """Return the error of the objects that are rejected, with their names; None when none is (any more).

        kubectl does not say which of several objects it means, so halves are tried until one is left.
        """
        found: list[errors.SaltK8sError] = []
        self._search(list(keys), found)
        error = api_errors.combined(found)
        if error and len(found) >= SHOWN:
            error.args = (f"{error}\nand possibly more: no further object was checked",)
        return error

    def _run(self, action: Callable[[Sequence[Key]], list[dict[str, Any]]], keys: Sequence[Key]) -> list:
        try:
            return parallel.run(action, keys, "dry run")
        except api_errors.NOT_ABOUT_AN_OBJECT:
            raise
        except errors.SaltK8sError as err:
            raise self.rejected(keys) or err from err

    def _search(self, keys: list[Key], found: list[errors.SaltK8sError]) -> None:
        if not keys or len(found) >= SHOWN:
            return
        try:
            self._apply(keys, answers=False, what=keys[0].title)
        except api_errors.NOT_ABOUT_AN_OBJECT as err:
            if not found:
                raise
            found.append(err)
        except api_errors.Terminating as err:  # true of all that it has
            within = [key for key in keys if key.namespace == err.namespace] or keys[:1]
            titles = ", ".join(key.title for key in within[:SHOWN]) + (" ..." if len(within) > SHOWN else "")
            found.append(api_errors.Terminating(err.reason, err.namespace, titles))
            self._search([key for key in keys if key not in within], found)
        except errors.SaltK8sError as err:
            if len(keys) == 1:
                found.append(_with_advice(err))
                return
            middle = len(keys) // 2
            self._search(keys[:middle], found)
            self._search(keys[middle:], found)

    def _apply(self, keys: Sequence[Key], answers: bool, what: str = "kubectl") -> list[dict[str, Any]]:
        objects = [self._declared[key] for key in keys]
        return self._kubectl.apply(
            objects, dry_run=True, force_conflicts=self._force_conflicts, what=what, answers=answers
        )


def is_immutable(err: errors.SaltK8sError) -> bool:
    """Return whether an object is rejected because one of its fields is immutable."""
    return isinstance(err, errors.Invalid) and bool(_IMMUTABLE.search(err.reason))


def _with_advice(err: errors.SaltK8sError) -> errors.SaltK8sError:
    if not (isinstance(err, errors.Invalid) and is_immutable(err)):
        return err
    advice = "it cannot be changed in place; name the object in replace to have it deleted and re-created"
    return errors.Invalid(f"{err}: {advice}", err.field, err.reason, err.by)
