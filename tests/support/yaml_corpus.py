"""Manifests written in every way that YAML and JSON have, drawn from a seed; and what kubectl makes of them."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.apiserver import ApiServer

VERSION, KIND = "reading.example/v1", "Anything"
HEAD = f"apiVersion: {VERSION}\nkind: {KIND}\nmetadata: {{name: NAME}}\n"


def _lines(name: str) -> list[str]:
    folder = Path(__file__).resolve().parents[1] / "cases" / "kubectl" / "reading"
    return (folder / name).read_text().removesuffix("\n").split("\n")


SCALARS = [*_lines("scalars.txt"), "", " ", "9" * 30, "0b" + "1" * 64, "x" * 1200]
VALUES = _lines("values.txt")
JSON_VALUES = [*_lines("json.txt"), '"a\nb"', '"a\tb"', '"\u2028é😀"']
TAGS = ["!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!binary", "!!value", "!own", "!", "&here"]
FILES = [  # whole texts; NAME stands for the object's name
    f"{HEAD}spec: |\n  no line end",
    f"{HEAD}spec: |+\n  a\n\n\n",
    f"{HEAD}spec: >-\n  a\n  b\n\n   c\n",
    f"{HEAD}spec: a\n\tb\n",
    f"{HEAD}\t\nspec: a\n",
    f"{HEAD}spec:\t[a,\n\tb]\n",
    f"# c\n---\n{HEAD}spec: 1\n---\n# nothing\n---\n\n--- # c\n{HEAD}spec: 2\n---",
    f"--- a\n{HEAD}",
    f"{HEAD}spec: |\n----BEGIN\n",
    f'{HEAD}spec: "a\n---\nb"\n',
    f"{HEAD}spec: 1\n...\n",
    f"{HEAD}spec: 1\n...\n{HEAD}spec: 2\n",
    f"%YAML 1.1\n---\n{HEAD}",
    f"{HEAD}spec: 1\n".replace("\n", "\r\n"),
    f"{HEAD}spec: |\n  a\n  b\n".replace("\n", "\r\n"),
    f"\ufeff{HEAD}spec: 1\n",
    f"\ufeff---\n{HEAD}spec: 1\n",
    f"{HEAD}spec: 1\n\ufeffmore: 2\n",
    f"{HEAD}spec: '\x07'\n",
    f"{HEAD}spec: '\x85\u2028\xa0'\n",
    "# nothing\n",
    "---\n---\n",
    "",
]
MORE = [  # what our reading refuses and kubectl does not: docs/objects.md says so
    "duplicate key",
    "text after the document's end",
    "!!binary that is not text",
    "a byte order mark inside the text",
    "a tag without a value inside",
    "half of a surrogate pair",
    "found unexpected ':'",
    "found unknown escape character",
]


def texts(seed: int) -> Iterator[str]:
    """Yield the manifests of a seed: each scalar in each style somewhere, and documents put together from them."""
    draw = random.Random(seed)
    for scalar in SCALARS:
        for style in (_plain, _single, _double, _literal, _folded):
            place = draw.choice([_value, _item, _flow, _nested])
            yield HEAD + place(style(scalar))
        yield HEAD + _tagged(draw, scalar)
        for style in (_plain, _single, _double):
            key = style(scalar)
            yield HEAD + draw.choice([f"spec: {{{key}: v}}\n", f"spec:\n  {key}: v\n", f"spec:\n  ? {key}\n  : v\n"])
    yield from (f"{HEAD}spec: {text}\n" for text in VALUES)
    yield from FILES
    for value in JSON_VALUES:
        head = f'{{"apiVersion": "{VERSION}", "kind": "{KIND}", "metadata": {{"name": "NAME"}}, "spec": '
        end = draw.choice(["", "\n", " \t\r\n", f"\n{head}7}}\n", ",", "]", "x"])
        yield f"{head}{value}}}{end}"
    yield from (f"{HEAD}spec: {_tree(draw, 3)}\n" for _ in range(100))


def _value(text: str) -> str:
    return f"spec: {text}\n"


def _item(text: str) -> str:
    return f"spec:\n- {text}\n- b\n"


def _flow(text: str) -> str:
    return f"spec: {{a: {text}, b: [{text}, c]}}\n"


def _nested(text: str) -> str:
    return f"spec:\n  a:\n  - b: {text}\n    c: d\n"


def _plain(text: str) -> str:
    return text


def _single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _double(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _literal(text: str) -> str:
    return f"|\n        {text}"


def _folded(text: str) -> str:
    return f">-\n        {text}\n\n        {text}"


def _tagged(draw: random.Random, text: str) -> str:
    place = draw.choice([_value, _item, _nested])
    return place(f"{draw.choice(TAGS)} {draw.choice([_plain, _single, _double, _literal])(text)}")


def _tree(draw: random.Random, depth: int) -> str:
    """A tree in flow style, of scalars in all their styles."""
    shape = draw.choice(["scalar", "list", "map"]) if depth else "scalar"
    if shape == "scalar":
        return draw.choice([_plain, _single, _double])(draw.choice(SCALARS))
    parts = [_tree(draw, depth - 1) for _ in range(draw.randint(0, 4))]
    if shape == "list":
        return f"[{', '.join(parts)}]"
    return "{" + ", ".join(f"{chr(97 + number)}: {part}" for number, part in enumerate(parts)) + "}"


def named(text: str, number: int) -> str:
    """Return a manifest whose objects have names of their own: ``case-7-0``, ``case-7-1``."""
    first, *parts = text.split("NAME")
    return first + "".join(f"case-{number}-{index}{part}" for index, part in enumerate(parts))


def kubectls_reading(apiserver: ApiServer, folder: Path) -> tuple[dict[str, Any], set[int]]:
    """Return what kubectl reads from a folder's files ``7.yaml``, by name, and the numbers of those that it refuses."""
    arguments = ("create", "--dry-run=client", "--validate=false", "-o", "json", "-f", str(folder))
    argv = [apiserver.kubectl_path, "--kubeconfig", str(apiserver.kubeconfig), "--cache-dir", os.devnull, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    decoder = json.JSONDecoder(parse_int=_whole)
    found, rest = {}, done.stdout.strip()
    while rest:
        obj, end = decoder.raw_decode(rest)
        found[obj["metadata"]["name"]] = obj
        rest = rest[end:].lstrip()
    return found, {int(number) for number in re.findall(rf"{re.escape(str(folder))}/(\d+)\.yaml", done.stderr)}


def _whole(digits: str) -> int | float:
    """Go has no whole numbers beyond 64 bits."""
    return int(digits) if -(2**63) <= int(digits) < 2**63 else float(digits)


def typed(value: Any) -> Any:
    """Return data in which 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return type(value).__name__, value
