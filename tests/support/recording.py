"""A model that notes which of its keys are read."""

from __future__ import annotations

from typing import Any


class Recorded(dict):
    """A map of the model; ``seen`` collects the paths that were read. Reading a map whole reads all of its keys."""

    def __init__(self, content: dict[str, Any], seen: set[tuple[str, ...]], path: tuple[str, ...] = ()):
        super().__init__({key: _wrapped(value, seen, (*path, key)) for key, value in content.items()})
        self._seen, self._path = seen, path  # Jinja would take other names for keys

    def __getitem__(self, key: str) -> Any:
        self._seen.add((*self._path, key))
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._seen.add((*self._path, key))
        return super().get(key, default)

    def __iter__(self) -> Any:  # that it is there makes a copy, {**map}, read by keys() and []
        return super().__iter__()

    def items(self) -> Any:
        self._seen.update((*self._path, key) for key in self)
        return super().items()

    def values(self) -> Any:
        self._seen.update((*self._path, key) for key in self)
        return super().values()


def _wrapped(value: Any, seen: set[tuple[str, ...]], path: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return Recorded(value, seen, path)
    return [_wrapped(item, seen, path) for item in value] if isinstance(value, list) else value
