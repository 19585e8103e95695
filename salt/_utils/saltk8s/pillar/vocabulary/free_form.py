"""Settings that are passed on as they are, and which of them are secrets, as far as their names tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from saltk8s.pillar.vocabulary.types import Json, Path

# names of values that are secrets, in the spellings of files and of Go
_NAME = re.compile(
    r".*(password|passphrase|secret|token|(private|ssh|access|secret|user|client|service_?account)_?key)", re.I
)
# what holds secrets anywhere in it: manifests, variables of an environment, keys for the encryption of Secrets
_WHOLE = frozenset({"addons", "custom_config", "customConfig"} | {"extra_env", "extraEnv", "extra_envs", "extraEnvs"})
_PATHS = (("etcd", "key"),)


class FreeForm(Json):
    """Anything that can be written as JSON. Values whose names say so are secrets, which the admin alone gets."""

    doc = "any value; passwords, keys, tokens, `addons` and `extra_env` are secrets"

    def secrets(self, value: Any) -> Iterator[tuple[Path, str]]:
        """Yield the secrets in a value: (path, text)."""
        return secrets(value)


def is_secret(path: Collection[Any]) -> bool:
    """Return whether what stands at a path, if anything, is a secret or holds some."""
    names = [part for part in path if isinstance(part, str)]
    return bool(
        names
        and (
            any(part in _WHOLE for part in names)
            or _NAME.fullmatch(names[-1])
            or any(tuple(names[-len(end) :]) == end for end in _PATHS)
        )
    )


def mapped(value: Any, change: Callable[[Any], Any], path: Path = ()) -> Any:
    """Return data in which ``change`` was applied to each secret, to a whole where anything in it may be one."""
    if value and is_secret(path) and (not isinstance(value, (Mapping, list, tuple)) or path[-1] in _WHOLE):
        return change(value)
    if isinstance(value, Mapping):
        return {key: mapped(item, change, (*path, key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mapped(item, change, path) for item in value]
    return value


def secrets(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield the texts that are secrets, or in what holds them: (path, text)."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from secrets(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from secrets(item, (*path, index))
    elif isinstance(value, str) and value and is_secret(path):
        yield path, value
