"""Ask the API server what it would make of objects: dry runs, of which nothing is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import batches, refusals
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.manifests.identity import Key, key_of

SHOWN = 10  # objects that are named when many are refused

_IMMUTABLE = re.compile(
    r"immutable|may not (?:be )?change|cannot (?:be )?change|(?:updates? to|changes to) .*(?:forbidden|not allowed)"
)


class Trial:
    """Dry runs of declared objects; force: take over fields of other managers."""

    def __init__(self, kubectl: Kubectl, declared: Mapping[Key, Mapping[str, Any]], force: bool):
        self._kubectl = kubectl
        self._declared = declared
        self._force = force

    def changes(self, keys: Sequence[Key]) -> dict[Key, dict[str, Any]]:
        """Return the objects as they would be. Raises the errors of all that are refused (see attributed())."""
        found = self._run(lambda part: self._ask(part, answers=True), keys)
        return {key_of(obj): obj for obj in found}

    def news(self, keys: Sequence[Key]) -> None:
        """Try objects that are not there yet; raises as changes() does."""
        self._run(lambda part: self._ask(part, answers=False), keys)

    def renamed(self, key: Key, uid: str) -> dict[str, Any]:
        """Return an object as it would be if it were made anew: tried under another name, because its own is taken.

        uid: of the live object; where the API server writes name or uid of the new one, those of the live one are put.
        """
        obj = dict(self._declared[key])
        name = f"{key.name[:40].rstrip('-.')}-replaced"
        obj["metadata"] = dict(obj["metadata"]) | {"name": name}
        answer = self._kubectl.apply([obj], dry_run=True, force=self._force, what=key.title, answers=True)[0]
        text = json.dumps(answer).replace(f'"{name}"', f'"{key.name}"').replace(answer["metadata"]["uid"], uid)
        return json.loads(text)

    def attributed(self, keys: Sequence[Key]) -> errors.SaltK8sError | None:
        """Return the error of the objects that are refused, with their names; None when none is (any more).

        kubectl does not say which of several objects it means, so halves are tried until one is left.
        """
        found: list[errors.SaltK8sError] = []
        self._search(list(keys), found)
        whole = refusals.joined(found)
        if len(found) >= SHOWN:
            whole.args = (f"{whole}\nand perhaps more: no further object was tried",)
        return whole

    def _run(self, action, keys: Sequence[Key]) -> list:
        try:
            return batches.run(action, keys, "dry run")
        except refusals.GENERAL:
            raise
        except errors.SaltK8sError as err:
            raise self.attributed(keys) or err from err

    def _search(self, keys: list[Key], found: list[errors.SaltK8sError]) -> None:
        if not keys or len(found) >= SHOWN:
            return
        try:
            self._ask(keys, answers=False, what=keys[0].title)
        except refusals.GENERAL as err:
            if not found:
                raise
            found.append(err)
        except errors.SaltK8sError as err:
            if len(keys) == 1:
                found.append(_advised(err))
                return
            middle = len(keys) // 2
            self._search(keys[:middle], found)
            self._search(keys[middle:], found)

    def _ask(self, keys: Sequence[Key], answers: bool, what: str = "kubectl") -> list[dict[str, Any]]:
        objects = [self._declared[key] for key in keys]
        return self._kubectl.apply(objects, dry_run=True, force=self._force, what=what, answers=answers)


def immutable(err: errors.SaltK8sError) -> bool:
    """Return whether an object is refused because a field of it cannot be changed once it is there."""
    return isinstance(err, errors.Invalid) and bool(_IMMUTABLE.search(err.reason))


def _advised(err: errors.SaltK8sError) -> errors.SaltK8sError:
    if not immutable(err):
        return err
    advice = "it cannot be changed in place; name the object in replace to have it deleted and made anew"
    return errors.Invalid(f"{err}: {advice}", err.field, err.reason)
