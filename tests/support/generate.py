"""Objects of every kind, what others do to them, and other declarations of them: drawn by hypothesis.

What can be drawn stands in ``tests/cases/kubectl/kinds``: the smallest object of a kind and the values that its fields
may get. Trees are then edited without knowing what they mean: fields removed, lists reordered, scalars changed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hypothesis import strategies as st

FOLDER = Path(__file__).resolve().parents[1] / "cases" / "kubectl" / "kinds"
# Not to be edited: what identifies an object, and what the server keeps.
FIXED = {
    "apiVersion",
    "kind",
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "status",
}
SPELLINGS = {"0.25": "250m", "250m": "0.25", "1Gi": "1024Mi", "1": 1, "1k": "1e3", "TCP": "UDP", "100m": 0.1}

Path_ = tuple[Any, ...]


class Kind(NamedTuple):
    """A kind and what its objects are made of.

    options: (path, values); guessed: fields of ``spec`` whose defaults we cannot know, the definition has them.
    """

    kind: str
    api: str
    plural: str
    share: int
    base: dict[str, Any]
    options: tuple[tuple[Path_, list[Any]], ...]
    cluster: bool = False
    status: dict[str, Any] | None = None
    guessed: list[str] | tuple[str, ...] = ()


def _paths(options: dict[str, list[Any]], above: str = "") -> list[tuple[Path_, list[Any]]]:
    prefix = f"{above}." if above else ""
    steps = {path: f"{prefix}{path}".split(".") for path in options}
    return [
        (tuple(int(step) if step.isdigit() else step for step in steps[path]), values)
        for path, values in options.items()
    ]


def _load() -> tuple[dict[str, Kind], dict[str, Any]]:
    texts = {
        name: yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) for name in ("workloads", "others", "definitions")
    }
    common = texts["workloads"]
    kinds = {}
    for text in texts.values():
        for given in text["kinds"]:
            given = dict(given)
            pod = given.pop("pod", None)
            options = _paths(given.pop("options")) + (_paths(common["pod"], pod) if pod else [])
            kinds[given["kind"]] = Kind(options=(*options, *_paths(common["meta"])), **given)
    return kinds, texts["definitions"]["definition"]


KINDS, DEFINITION = _load()


def namespace(kind: Kind) -> str | None:
    """Return where the objects of a kind are: each kind has a namespace, quotas and limits must not meet the others."""
    return None if kind.cluster else f"property-{kind.kind.lower()}"


def start(kind: Kind, number: int) -> dict[str, Any]:
    """Return the smallest object of a kind; numbers make names that are not taken."""
    name = f"case-{number}"
    meta = {"name": name} | ({"namespace": namespace(kind)} if not kind.cluster else {})
    obj = {"apiVersion": kind.api, "kind": kind.kind, "metadata": meta, **copy.deepcopy(kind.base)}
    if kind.kind == "CustomResourceDefinition":
        meta["name"] = f"case{number}s.generated.example.org"
        obj["spec"]["names"] = {"kind": f"Case{number}", "plural": f"case{number}s"}
    return obj


def choices(draw: Callable, kind: Kind, most: int) -> dict[Path_, Any]:
    """Draw some options of a kind with their values: ``{path: value}``."""
    picked = draw(st.lists(st.integers(0, len(kind.options) - 1), unique=True, max_size=most))
    return {kind.options[number][0]: draw(st.sampled_from(kind.options[number][1])) for number in sorted(picked)}


def build(kind: Kind, number: int, chosen: dict[Path_, Any]) -> dict[str, Any]:
    """Return an object with options; the short paths come first, so that the longer ones stay."""
    obj = start(kind, number)
    for path, value in sorted(chosen.items(), key=lambda item: (len(item[0]), str(item[0]))):
        put(obj, path, copy.deepcopy(value))
    return obj


def put(tree: Any, path: Path_, value: Any) -> None:
    """Set a value, with the maps that lead to it; nothing happens where something else is in the way."""
    for step, following in zip(path, path[1:], strict=False):
        if isinstance(tree, dict):
            if tree.get(step) is None:
                tree[step] = [] if isinstance(following, int) else {}
            tree = tree[step]
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return
    last = path[-1]
    if isinstance(tree, dict):
        tree[last] = value
    elif isinstance(tree, list) and isinstance(last, int):
        tree[last : last + 1] = [value]


def places(tree: Any, path: Path_ = ()) -> list[Path_]:
    """Return the paths of everything in an object that may be edited."""
    found: list[Path_] = []
    if isinstance(tree, dict):
        for key, value in tree.items():
            if path in ((), ("metadata",)) and key in FIXED:
                continue
            found += [(*path, key)] if (*path, key) != ("metadata",) else []
            found += places(value, (*path, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            found += [(*path, number), *places(value, (*path, number))]
    return found


def at(tree: Any, path: Path_) -> Any:
    """Return the value at a path."""
    for step in path:
        tree = tree[step]
    return tree


def edit(draw: Callable, obj: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of an object in which one thing is removed, reordered, doubled, emptied or changed.

    It draws three numbers whatever the object is: what the API server answers must not change what is drawn next.
    """
    result = copy.deepcopy(obj)
    where, how, which = (draw(st.integers(0, 999)) for _ in range(3))
    paths = places(result)
    if not paths:
        return result
    path = paths[where % len(paths)]
    above, value = at(result, path[:-1]), at(result, path)
    ways = ["remove"]
    if isinstance(value, list):
        ways += ["empty", "reverse", "rotate", "shorter"]
    elif isinstance(value, dict):
        ways += ["empty", "longer"]
    else:
        ways += ["other", "zero", "null"]
    way = ways[how % len(ways)]
    if way == "remove":
        del above[path[-1]]
    elif way == "null":
        above[path[-1]] = None
    elif way == "empty":
        above[path[-1]] = type(value)()
    elif way == "longer":
        value |= {"limits": "0.25"}
    elif way == "zero":
        above[path[-1]] = type(value)() if value is not None else ""
    elif way == "other":
        values = others(value)
        above[path[-1]] = values[which % len(values)]
    else:
        value[:] = {"reverse": value[::-1], "rotate": value[1:] + value[:1], "shorter": value[:-1]}[way]
    return result


def others(value: Any) -> list[Any]:
    """Return other values for a scalar: of its type, in another spelling, of another type."""
    if isinstance(value, bool) or value is None:
        return [not value, int(bool(value))]
    if isinstance(value, (int, float)):
        return [value + 1, str(value), float(value), bool(value)]
    return [SPELLINGS.get(value, f"{value}x"), f"{value}0", f"0{value}", value.upper()]
