"""Damage to JSON files, generated: cut off, another kind of JSON, a value of another type."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

KINDS = [
    "",
    " ",
    "null",
    "true",
    "0",
    "1e999",
    "NaN",
    '"text"',
    "[]",
    "{}",
    "[" * 100_000,
    "\0" * 64,
    "\ufeff{}",
    "{}{}",
]
OTHERS = (None, True, 0, 1.5, "text", [], {}, [1], ["text"], [[]], {"a": 1}, {"a": {"a": 1}})


def cut_off(text: str, step: int = 1) -> Iterator[str]:
    """The beginnings of a text, of every length; step: of every so many."""
    for length in range(0, len(text), step):
        yield text[:length]


def longer(text: str) -> Iterator[str]:
    """The text with what a power cut, or a second write, leaves behind it."""
    for rest in ("\0", "\0" * 4096, "}", text, text[-20:], "{}"):
        yield text + rest


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document, inner ones too."""
    if above:
        yield above
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*above, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from places(item, (*above, number))


def retyped(document: Any) -> Iterator[tuple[tuple[Any, ...], Any, str]]:
    """The document with one value replaced by each other kind of value: (path, new value, its text)."""
    for path in places(document):
        for other in OTHERS:
            changed = copy.deepcopy(document)
            place = changed
            for key in path[:-1]:
                place = place[key]
            if type(place[path[-1]]) is not type(other):
                place[path[-1]] = other
                yield path, other, json.dumps(changed)
