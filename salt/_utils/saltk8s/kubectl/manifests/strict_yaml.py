"""One YAML document, as kubectl reads it, and fast: made of libyaml's events, without Python's own rules for YAML.

Refused, where kubectl takes it and loses something: a key that is given twice, text after the document's end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import yaml
from saltk8s.kubectl.manifests import scalars
from saltk8s.kubectl.manifests.json_data import MAX_DEPTH

if TYPE_CHECKING:
    _Parser = yaml.SafeLoader
else:
    _Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_AFTER_END = "text after the document's end, which kubectl would leave out: separate documents by a line with ---"
_ESCAPED_SLASH = re.compile(r"(?<!\\)(?:\\\\)*\\/")


class Unreadable(Exception):
    """A text that is no document; ``column`` is 0 when it is not known. Never quotes the text: it may hold secrets."""

    def __init__(self, problem: str, line: int = 1, column: int = 0):
        super().__init__(problem)
        self.line, self.column = line, column


class _Anchor(NamedTuple):
    value: Any
    nodes: int  # how many an alias stands for


def read(text: str) -> Any:
    """Return the one document of a text, None for an empty one. Raises Unreadable."""
    inside = text.find("\ufeff")
    if inside >= 0:
        raise Unreadable("a byte order mark inside the text", text.count("\n", 0, inside) + 1)
    try:
        parser = _Parser(text)
        try:
            return _Reader(text, parser).document()
        finally:
            parser.dispose()
    except yaml.reader.ReaderError as err:
        line = text.encode()[: err.position].count(b"\n") + 1
        code = err.character if isinstance(err.character, int) else ord(err.character)
        raise Unreadable(f"the character U+{code:04X} is not allowed", line) from None
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else ()
        problem = err.problem or err.context or "cannot be read"
        raise Unreadable(_AFTER_END if "<document start>" in problem else problem, *where) from None


class _Reader:
    def __init__(self, text: str, parser: yaml.SafeLoader):
        self._text = text
        self._next = parser.get_event
        self._anchors: dict[str, _Anchor | None] = {}  # None: the value is still being read
        self._nodes = self._aliased = self._depth = 0
        self._in_flow = False  # inside [] or {}

    def document(self) -> Any:
        self._next()  # the stream's start
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        found = self._value(self._next())
        self._next()  # the document's end
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            _refuse(_AFTER_END, event)
        return found

    def _value(self, event: Any) -> Any:
        self._nodes += 1
        kind = type(event)
        if kind is yaml.ScalarEvent or kind is yaml.AliasEvent:
            return self._scalar(event, scalars.as_value)
        return self._collection(event, self._map if kind is yaml.MappingStartEvent else self._list)

    def _collection(self, event: Any, content: Callable[[], Any]) -> Any:
        before, around = self._nodes, self._in_flow
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._depth += 1
        if self._depth > MAX_DEPTH:
            _refuse(f"nested too deeply (more than {MAX_DEPTH} levels)", event)
        self._in_flow = around or bool(event.flow_style)
        found = content()
        self._in_flow = around
        self._depth -= 1
        if event.anchor is not None and self._anchors[event.anchor] is None:
            self._anchors[event.anchor] = _Anchor(found, self._nodes - before + 1)
        return found

    def _list(self) -> list[Any]:
        found = []
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            found.append(self._value(event))
        return found

    def _map(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        own: Any = found  # the map's own keys; others are merged in
        while type(event := self._next()) is not yaml.MappingEndEvent:
            if type(event) is yaml.ScalarEvent and _is_merge(event):
                own = set(own)
                for merged in self._merged():
                    found.update(merged)
                continue
            self._nodes += 1
            if type(event) not in (yaml.ScalarEvent, yaml.AliasEvent):
                _refuse("a key that is a map or a list", event)
            key = self._scalar(event, scalars.as_key)
            if key in own:
                _refuse(f"duplicate key {key!r}", event)
            found[key] = self._value(self._next())
            if own is not found:
                own.add(key)
        return found

    def _merged(self) -> list[dict[str, Any]]:
        """Return the maps of a merge key, the last first: earlier ones take precedence."""
        event = self._next()
        value = self._value(event)
        maps = value[::-1] if type(event) is yaml.SequenceStartEvent else [value]
        if not all(isinstance(one, dict) for one in maps):
            _refuse("<< needs a map, or a list of maps", event)
        return maps

    def _scalar(self, event: Any, form: Callable[[Any], Any]) -> Any:
        """Return what a scalar, or what an alias stands for, is as a value or as a key."""
        try:
            if type(event) is yaml.AliasEvent:
                return form(self._alias(event))
            if self._in_flow and not event.style:
                _check_in_flow(event)
            elif event.style == '"' and "/" in event.value:
                self._check_slashes(event)
            found = scalars.resolve(event.value, event.tag, event.implicit[0])
            if event.anchor is not None:
                self._anchors[event.anchor] = _Anchor(found, 1)
            return form(found)
        except ValueError as err:
            _refuse(str(err), event)

    def _check_slashes(self, event: Any) -> None:
        if _ESCAPED_SLASH.search(self._text, event.start_mark.index, event.end_mark.index):
            _refuse("\\/ is an escape of JSON, which kubectl does not know in YAML: write /", event)

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            _refuse(f"the alias *{event.anchor} has no anchor before it", event)
        anchor = self._anchors[event.anchor]
        if anchor is None:
            _refuse(f"the alias *{event.anchor} contains itself", event)
        self._nodes += anchor.nodes
        self._aliased += anchor.nodes
        if self._aliased > 100 and self._nodes > 1000 and self._aliased / self._nodes > _allowed(self._nodes):
            _refuse("too much of the document comes from aliases", event)
        return anchor.value


def _is_merge(event: Any) -> bool:
    return event.value == "<<" and (event.implicit[0] or event.tag == scalars.MERGE)


def _check_in_flow(event: Any) -> None:
    """Refuse what this libyaml reads inside [] and {}, and kubectl's does not, or as something else."""
    if "?" in event.value:
        _refuse("a ? in a value without quotes inside [] or {}: quote it", event)
    if event.tag and not event.value:
        _refuse("a tag without a value inside [] or {}", event)


def _allowed(nodes: int) -> float:
    """Return kubectl's limit for the part that aliases may have: it falls from 99 % to 10 %."""
    return 0.99 - 0.89 * min(max(nodes - 400_000, 0) / 3_600_000, 1)


def _refuse(problem: str, event: Any) -> NoReturn:
    raise Unreadable(problem, event.start_mark.line + 1, event.start_mark.column + 1)
