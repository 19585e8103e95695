"""A manifest's text taken apart into documents, as kubectl takes it apart: JSON objects, or YAML separated by ``---``.

A text that begins with ``{`` is JSON. Where it is none, it is read as YAML, which kubectl does since 1.33.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from saltk8s.kubectl.manifests import strict_yaml
from saltk8s.kubectl.manifests.json_data import copied
from saltk8s.kubectl.manifests.strict_yaml import Unreadable

_SEPARATOR = re.compile(r"^---([^\n]*)\n?", re.MULTILINE)
_COMMENTS = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*")  # and empty lines
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")  # a surrogate, which may lack its other half
_JSON = re.compile(r'\{\s*["}]')


class Document(NamedTuple):
    """A document's number in its text, from 1, and what it says."""

    number: int
    value: Any


class Problem(Exception):
    """Why a text cannot be read: the number of the document, and what is wrong at which line of the text."""

    def __init__(self, number: int, text: str):
        super().__init__(text)
        self.number, self.text = number, text


def read(text: str) -> list[Document]:
    """Return the documents of a text, None for empty ones. Raises Problem for the first that is unreadable."""
    text = text.removeprefix("\ufeff")
    found: list[Document] = []
    rest = _read_json(text, found) if text.lstrip().startswith("{") else 0
    return found + list(_read_yaml(text, rest, len(found)))


def _read_json(text: str, found: list[Document]) -> int:
    """Collect JSON documents; return where YAML begins, which is the text's end for one that is all JSON."""
    decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
    start = _after_blanks(text, 0)
    while start < len(text):
        if found and text.startswith("---", start):
            return start
        number = len(found) + 1
        try:
            value, end = decoder.raw_decode(text, start)
            if _HALF_PAIR.search(text, start, end):
                _check_characters(value)
            value = copied(value)
        except json.JSONDecodeError as err:
            if not found and text[start] == "{" and not _JSON.match(text, start):
                return start
            raise _problem("JSON", text, err.pos, number, err.msg) from None
        except (ValueError, RecursionError) as err:
            raise _problem("JSON", text, start, number, str(err)) from None
        found.append(Document(number, value))
        start = _after_blanks(text, end)
    return len(text)


def _after_blanks(text: str, start: int) -> int:
    while text[start : start + 1] in (" ", "\t", "\r", "\n"):
        start += 1
    return start


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate key {next(name for name in names if names.count(name) > 1)!r}")
    return found


def _check_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("a \\u escape that is half of a surrogate pair, which is no character") from None


def _constant(name: str) -> None:
    raise ValueError(f"{name}, which JSON does not have")


def _read_yaml(text: str, start: int, count: int) -> Iterator[Document]:
    for at, end in _chunks(text, start):
        chunk = text[at:end].replace("\r\n", "\n")
        chunk = chunk if chunk.endswith("\n") else f"{chunk}\n"
        counts = count or at > start or not _COMMENTS.fullmatch(chunk)  # not what stands before the first ---
        count += 1 if counts else 0
        try:
            value = strict_yaml.read(chunk)
        except Unreadable as err:
            raise _problem("YAML", text, at, count, str(err), err.line, err.column) from None
        if counts or value is not None:
            yield Document(count, value)


def _chunks(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Yield where YAML documents begin and end: every line that begins with ``---`` separates two."""
    number = 1
    for found in _SEPARATOR.finditer(text, start):
        after = found[1].strip()
        if after and not after.startswith("#"):
            raise _problem("YAML", text, found.start(), number, "only a comment may follow after --- in the line")
        if found.start() > start:
            yield start, found.start()
            start = found.end()
            number += 1
    if start < len(text):
        yield start, len(text)


def _problem(language: str, text: str, at: int, number: int, problem: str, line: int = 1, column: int = 0) -> Problem:
    """Return a problem; ``line`` and ``column`` are those in the document that begins at a place of the text."""
    line += text.count("\n", 0, at)
    if language == "JSON":
        column = at - text.rfind("\n", 0, at)
    where = f"line {line}, column {column}" if column else f"line {line}"
    return Problem(number, f"invalid {language} at {where}: {problem}")
