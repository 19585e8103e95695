"""A ``cluster.yml`` written by hand, read as rke reads it: what looks like a number stays a text where it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from saltk8s.base import errors
from saltk8s.engine.rke.takeover.canonical import TEXTS
from saltk8s.pillar.vocabulary.types import parse_or_none

if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Word(str):
    """``yes``, ``off`` and the like: true or false in one place, a text in another."""


class _Loader(_Base):
    """Keeps how a number, a word or a date was written."""


def _number(loader: Any, node: yaml.ScalarNode) -> Any:
    text = loader.construct_scalar(node)
    for kind in (int, float):
        found = parse_or_none(kind, text)
        if found is not None and str(found) == text:
            return found
    return text


def _word(loader: Any, node: yaml.ScalarNode) -> Any:
    text = loader.construct_scalar(node)
    return {"true": True, "false": False}.get(text, _Word(text))


for _tag in ("int", "float", "timestamp"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _number)
_Loader.add_constructor("tag:yaml.org,2002:bool", _word)


def parse(text: str, path: str = "cluster.yml") -> dict[str, Any]:
    """Return a ``cluster.yml`` as data. path: shown in the error. Raises Refused, without what stands in the file."""
    try:
        found = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as err:
        mark = getattr(err, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise errors.Refused(f"{path} is not valid YAML{where}") from None
    if not isinstance(found, dict) or not isinstance(found.get("nodes"), list) or not found["nodes"]:
        raise errors.Refused(f"{path} is no cluster.yml: it has no list `nodes`")
    if not all(isinstance(node, dict) and node.get("address") for node in found["nodes"]):
        raise errors.Refused(f"{path}: every item of `nodes` has to be a map with an address")
    return _words(found, False)


def _words(value: Any, texts: bool) -> Any:
    if isinstance(value, dict):
        return {str(key): _words(item, texts or key in TEXTS) for key, item in value.items()}
    if isinstance(value, list):
        return [_words(item, texts) for item in value]
    if isinstance(value, _Word):
        return str(value) if texts else value.lower() in ("yes", "on", "y", "true")
    return _text(value) if texts and value is not None else value


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, (int, float)) else value
