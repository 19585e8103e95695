"""The types that the schema is made of.

A type checks one value of the pillar and returns it in the form that the model holds; when the value is invalid, it
adds a problem to the report and returns None. Nothing here raises, whatever the value is.
"""

from __future__ import annotations

import datetime
import difflib
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from saltk8s.base import redact
from saltk8s.base.errors import Problem

Path = tuple[Any, ...]
_KINDS = {bool: "a truth value", int: "a number", float: "a number", type(None): "nothing"}

EVERY_ITEM = "*"  # in the defaults, under a map of named things: what each of them starts from
PLACEHOLDER = "CHANGE-ME"
PGP = "-----BEGIN PGP MESSAGE-----"


@dataclass
class Report:
    """Collects the problems of one pillar.

    secrets_of: roles of the minion whose secrets are required ("admin", "cloud");
    encrypted: accept a secret that is still encrypted (an offline check without the key);
    reserved_namespaces: names of namespaces that belong to the platform itself.
    """

    secrets_of: frozenset[str] = frozenset()
    encrypted: bool = False
    reserved_namespaces: frozenset[str] = frozenset()
    problems: list[Problem] = field(default_factory=list)

    def add(self, path: Path, expected: str, value: str) -> None:
        """Add a problem. path: keys from ``k8s`` down; value: the value found, already redacted."""
        problem = Problem(":".join(redact.name(part) for part in path), value, expected)
        if problem not in self.problems:  # several nodes may report the same problem of their shape
            self.problems.append(problem)

    def has_problem_at(self, *path: Any) -> bool:
        """Return whether a problem at this path or below it was reported already."""
        text = ":".join(redact.name(part) for part in path)
        return any(p.path == text or p.path.startswith(f"{text}:") for p in self.problems)


class Type(ABC):
    """Base of the types. ``doc``: its name in the documentation; ``secret``: never show its value."""

    doc = "anything"
    secret = False

    @abstractmethod
    def check(self, value: Any, default: Any, path: Path, report: Report) -> Any:
        """Return the value as the model holds it; None and a problem in the report when it is not valid."""

    def absent(self) -> Any:
        """Return what the model holds when neither the pillar nor the defaults set it."""
        return None


@dataclass(frozen=True)
class Key:
    """One key of a section: its type, what it means (one sentence or more), whether it must be given, an example."""

    type: Type
    meaning: str
    required: bool = False
    example: Any = None


class Scalar(Type):
    """A single value; subclasses say in ``accept`` whether it is valid."""

    expected = "a value"

    def check(self, value: Any, default: Any, path: Path, report: Report) -> Any:
        if isinstance(value, str):
            if redact.MASK in value:
                return report.add(path, "the value itself, not Salt's mask of it", redact.MASK)
            if PLACEHOLDER in value:
                return report.add(path, f"{self.expected}, in place of the placeholder", PLACEHOLDER)
        accepted = self.accept(value)
        if accepted is None:
            report.add(path, self.expected_of(value), redact.show(value, self.secret))
        return accepted

    def expected_of(self, value: Any) -> str:
        """Return what is expected in the place of a value that is not accepted."""
        return self.expected

    @abstractmethod
    def accept(self, value: Any) -> Any:
        """Return the value in the model's form, or None when it is not valid."""


class Text(Scalar):
    """A text that matches a pattern. ``test``: a further condition; ``normal`` returns it in the form of the model."""

    def __init__(
        self,
        expected: str = "a text",
        pattern: str = r"[^\x00-\x1f\x7f]+",
        longest: int = 1024,
        test: Callable[[str], bool] | None = None,
        doc: str = "text",
        normal: Callable[[str], str] = str,
    ):
        self.expected, self.doc, self.longest, self.test, self.normal = expected, doc, longest, test, normal
        self.pattern = re.compile(pattern, re.ASCII)

    def accept(self, value: Any) -> str | None:
        if not isinstance(value, str) or len(value) > self.longest or not self.pattern.fullmatch(value):
            return None
        if not _is_encodable(value):
            return None
        return self.normal(value) if self.test is None or self.test(value) else None

    def expected_of(self, value: Any) -> str:
        """Say ``in quotes`` where YAML made something else of a text: ``42``, ``no``, ``1_000``, ``12:30``, a date."""
        kind = "a date" if isinstance(value, datetime.date) else _KINDS.get(type(value))
        if kind is None or "in quotes" in self.expected:
            return self.expected
        return f"{self.expected}; in quotes, because YAML reads it as {kind}"


class Secret(Text):
    """A text that is never shown; ``role``: the minion that requires it ("admin", "cloud"), "" when none does."""

    secret = True

    def __init__(self, role: str, expected: str = "a secret text", doc: str = "secret", **options: Any):
        super().__init__(expected, doc=doc, **options)
        self.role = role

    def check(self, value: Any, default: Any, path: Path, report: Report) -> Any:
        if isinstance(value, str) and value.lstrip().startswith(PGP):
            if report.encrypted:
                return value
            return report.add(path, f"{self.expected}; this one was not decrypted", redact.REDACTED)
        return super().check(value, default, path, report)


class Int(Scalar):
    """A whole number between two bounds."""

    def __init__(self, least: int, most: int, unit: str = ""):
        self.least, self.most = least, most
        self.expected = f"a whole number from {least} to {most}{f' ({unit})' if unit else ''}"
        self.doc = f"number{f' of {unit}' if unit else ''}, {least} to {most}"

    def accept(self, value: Any) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        return value if self.least <= value <= self.most else None


class Bool(Scalar):
    """true or false."""

    expected = doc = "true or false"

    def accept(self, value: Any) -> bool | None:
        return value if isinstance(value, bool) else None


class Enum(Scalar):
    """One of a few words."""

    def __init__(self, *words: str):
        self.words = words
        self.doc = self.expected = " or ".join(words) if len(words) < 3 else f"one of {', '.join(words)}"

    def accept(self, value: Any) -> str | None:
        return value if isinstance(value, str) and value in self.words else None

    def check(self, value: Any, default: Any, path: Path, report: Report) -> Any:
        accepted = self.accept(value)
        if accepted is None:
            report.add(path, self.expected + suggestion(value, self.words), redact.show(value))
        return accepted


class AnyOf(Scalar):
    """A text that one of several types accepts; a rule may narrow it down."""

    def __init__(self, *types: Text):
        self.types = types
        self.expected = " or ".join(dict.fromkeys(kind.expected for kind in types))
        self.doc = " or ".join(dict.fromkeys(kind.doc for kind in types))

    def accept(self, value: Any) -> str | None:
        return next((found for kind in self.types if (found := kind.accept(value)) is not None), None)


class Flag(Scalar):
    """The value of a command-line flag: a text, or a number or truth value that is turned into one."""

    doc = "text"
    expected = "a text (numbers and truth values are turned into text)"

    def accept(self, value: Any) -> str | None:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int) and abs(value) < 10**18:
            return str(value)
        return value if isinstance(value, str) and value.isprintable() and len(value) <= 1024 else None


class Json(Type):
    """Anything that can be written as JSON, passed on as it is."""

    doc = "any value"
    deepest = 24  # levels; a value that contains itself ends here too

    def check(self, value: Any, default: Any, path: Path, report: Report) -> Any:
        if len(path) > self.deepest:
            return report.add(path, "fewer levels", redact.show(value))
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str) or not _is_encodable(key):
                    report.add((*path, key), "a text as name", f"the name {redact.show(key)}")
            return {k: self.check(v, None, (*path, k), report) for k, v in value.items() if isinstance(k, str)}
        if isinstance(value, (list, tuple)):
            return [self.check(v, None, (*path, i), report) for i, v in enumerate(value)]
        if isinstance(value, str):
            return Text("a text", r"[^\x00]*", 65536).check(value, None, path, report)
        if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**63):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        return report.add(path, "a value that JSON can hold", redact.show(value))


class List(Type):
    """A list of one type; ``least``: how many it must have; the items are distinct."""

    def __init__(self, item: Type, least: int = 0):
        self.item, self.least = item, least
        self.doc = f"list of {item.doc}"

    def absent(self) -> list:
        return []

    def check(self, value: Any, default: Any, path: Path, report: Report) -> Any:
        if not isinstance(value, (list, tuple)):
            return report.add(path, f"a {self.doc}", redact.show(value, self.secret))
        checked, seen = [], set()
        for index, item in enumerate(value):
            known = len(report.problems)
            result = self.item.check(item, None, (*path, index), report)
            if len(report.problems) > known:
                continue
            if isinstance(result, str) and result in seen:
                report.add((*path, index), "each item once", redact.show(result, self.item.secret))
                continue
            seen.add(result if isinstance(result, str) else index)
            checked.append(result)
        if len(value) < self.least:
            report.add(path, f"at least {self.least} of: {self.item.doc}", redact.show(value))
        return checked


class Map(Type):
    """Things by name: any key of the ``key`` type, each with a value of one type."""

    def __init__(self, key: Text, item: Type):
        self.key, self.item = key, item
        self.doc = f"map: {key.doc} -> {item.doc}"

    def absent(self) -> dict:
        return {}

    def check(self, value: Any, default: Any, path: Path, report: Report) -> Any:
        if not isinstance(value, Mapping):
            return report.add(path, f"a {self.doc}", redact.show(value, True))
        default = default if isinstance(default, Mapping) else {}
        each = default.get(EVERY_ITEM)
        given = {k: v for k, v in default.items() if k != EVERY_ITEM} | dict(value)
        checked = {}
        for key, item in given.items():
            if self.key.accept(key) is None:
                report.add((*path, key), f"as name: {self.key.expected_of(key)}", f"the name {redact.show(key)}")
                continue
            item = {} if item is None and isinstance(self.item, Section) else item
            known = len(report.problems)
            result = self.item.check(item, each, (*path, key), report)
            if isinstance(self.item, Section) and not isinstance(item, Mapping) and len(report.problems) > known:
                continue
            if result is not None:
                checked[key] = result
        return checked


class Section(Type):
    """A map of known keys.

    optional: the whole section may be missing, and is None then, whatever the defaults set; in_order: the model has its
    keys in the order of the defaults.
    """

    doc = "section"

    def __init__(self, keys: dict[str, Key], optional: bool = False, in_order: bool = False):
        self.keys, self.optional, self.in_order = keys, optional, in_order

    def check(self, value: Any, default: Any, path: Path, report: Report) -> Any:
        if not isinstance(value, Mapping):
            report.add(path, f"a map with {_key_list(self.keys)}", redact.show(value, True))
            return self.check({}, default, path, Report())  # with all its keys, so that the rules can run
        default = default if isinstance(default, Mapping) else {}
        for key in value:
            if not isinstance(key, str) or key not in self.keys:
                report.add((*path, key), f"{_key_list(self.keys)}{suggestion(key, self.keys)}", "an unknown key")
        order = dict.fromkeys([key for key in default if key in self.keys] if self.in_order else ()) | self.keys
        return {key: self._check_key(key, value.get(key), default.get(key), path, report) for key in order}

    def _check_key(self, name: str, value: Any, default: Any, path: Path, report: Report) -> Any:
        key = self.keys[name]
        here = (*path, name)
        if isinstance(key.type, Section):
            if value is None and key.type.optional:
                return report.add(here, f"a map with {_key_list(key.type.keys)}", "nothing") if key.required else None
            return key.type.check({} if value is None else value, default, here, report)
        if value is None:
            value = {} if isinstance(key.type, Map) else default
        if value is not None:
            return key.type.check(value, default, here, report)
        if key.required or (isinstance(key.type, Secret) and key.type.role in report.secrets_of):
            report.add(here, getattr(key.type, "expected", f"a {key.type.doc}"), "nothing")
        return key.type.absent()


def _is_encodable(text: str) -> bool:
    """Return whether a text can be written to a file: YAML's escapes can name half of a character."""
    return text.isascii() or parse_or_none(str.encode, text) is not None


def suggestion(word: Any, known: Iterable[str]) -> str:
    """Return `` (did you mean x?)`` when a known word is close, else an empty text."""
    close = difflib.get_close_matches(word[:64], list(known), n=1) if isinstance(word, str) else []
    return f" (did you mean {close[0]}?)" if close else ""


def parse_or_none(make: Callable[[str], Any], text: str) -> Any:
    """Return ``make(text)``, or None when it raises ValueError."""
    try:
        return make(text)
    except ValueError:
        return None


def _key_list(keys: Iterable[str]) -> str:
    return f"the keys {', '.join(keys)}"
