"""``docs/pillar.md``, from the schema and the defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from saltk8s.pillar.schema import SCHEMA
from saltk8s.pillar.vocabulary.types import EVERY_ITEM, Key, List, Map, Secret, Section, Type

HEAD = """# The pillar

Everything that an operator decides is below `k8s:` in the pillar. This page is generated from the schema by
`python3 -m saltk8s docs`; change the schema, not this page.

- An unknown key is an error, and so is a value of another type; all errors are listed at once.
- A key without a value (`key:` with nothing after it) counts as not set: the default applies.
- Maps are merged with the defaults key by key; lists and single values replace them.
- `A:B` is the key `B` below `A`; `NAME` stands for a name of your own.
- Secrets belong in the pillar of the minions that need them and nowhere else: see `pillar.example/top.sls`.
- `CHANGE-ME` and Salt's mask `**********` are refused everywhere.

## The check

    PYTHONPATH=_utils python3 -m saltk8s check PILLAR_DIR      # in a checkout, with a Python that has Salt
    saltk8s-check PILLAR_DIR                                   # installed with pip

checks a pillar folder, for example in a merge request: it needs no master and no root, and reads nothing of this
machine's own Salt configuration. Salt renders the folder with its top file for every node that it declares, for the
admin and for the cloud minion. Each distinct problem is listed once, with the minions concerned when these are not all.
A secret that a worker would get is a problem too.

- Exit status: 0 valid, 1 problems, 2 the check could not run. `--json` writes `valid`, `minions` and `problems`
  (`path`, `value`, `expected`, `minions`).
- Secrets may stay PGP messages (`#!yaml|gpg`, which needs `gpg`): without the key they count as set.
- A pillar that runs commands or queries other machines while it is rendered does so here too. The only grain is `id`:
  a top file that matches other grains or nodegroups gives less than on the master.
- `salt '*' k8s_config.validate` checks the pillar that each minion has.
"""


def render(defaults: Mapping[str, Any]) -> str:
    """Return the page; defaults: what ``defaults.yaml`` holds."""
    parts = [HEAD]
    for name, key in SCHEMA.keys.items():
        parts.append(f"\n## `k8s:{name}`\n\n{key.meaning}{_note(key)}\n\n")
        parts.append("| key | type | default | meaning |\n|---|---|---|---|\n")
        parts += [_row(path, key, default) for path, key, default in _rows(key.type, defaults.get(name), ())]
    return "".join(parts)


def _rows(kind: Type, default: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Key, Any]]:
    """Return the keys below a type: (path, key, default)."""
    default = default if isinstance(default, Mapping) else {}
    if isinstance(kind, Map):
        yield from _rows(kind.item, default.get(EVERY_ITEM), (*path, "NAME"))
    elif isinstance(kind, Section):
        for name, key in kind.keys.items():
            here = (*path, name)
            yield ":".join(here), key, default.get(name)
            yield from _rows(key.type, default.get(name), here)


def _row(path: str, key: Key, default: Any) -> str:
    meaning = key.meaning
    if key.example is not None and not isinstance(default, (str, int)):
        meaning += f" Example: `{_short(key.example)}`"
    return f"| `{path}` | {_cell(_type(key.type))} | {_cell(_default(key, default))} | {_cell(meaning)} |\n"


def _type(kind: Type) -> str:
    if isinstance(kind, Section):
        return "section, optional" if kind.optional else "section"
    if isinstance(kind, Map) and isinstance(kind.item, Section):
        return f"sections by {kind.key.doc}"
    return kind.doc


def _default(key: Key, default: Any) -> str:
    if isinstance(key.type, Section) or (isinstance(key.type, Map) and isinstance(key.type.item, Section)):
        return "**required**" if key.required else ""
    if isinstance(key.type, Secret) and key.type.role:
        return f"**required** on the {key.type.role} minion"
    if default is not None:
        return f"`{_short(default)}`"
    if isinstance(key.type, (List, Map)) and not key.required:
        return "empty"
    return "**required**" if key.required else "absent"


def _note(key: Key) -> str:
    if isinstance(key.type, Section) and key.type.optional:
        return " Optional as a whole."
    return " Required." if key.required else ""


def _short(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=1000).strip()
    return text.removesuffix("...").strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
