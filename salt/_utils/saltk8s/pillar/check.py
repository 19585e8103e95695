"""The check of a pillar folder, offline: for a merge request, without a master and without root.

The folder is rendered by Salt's own renderer, with its top file, for every node that it declares, for the admin and
for the cloud minion. A pillar that runs commands or asks other machines while it is rendered does so here too.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from saltk8s.base import loader, redact
from saltk8s.base.errors import ConfigError
from saltk8s.pillar import model, schema_services
from saltk8s.pillar.vocabulary.values import MinionId

PROBE = "saltk8s-check"  # a minion id that no target names: it gets what '*' gets, and stands for a * in a pattern
SHOWN_MINIONS = 4  # named in a line before the rest is counted

_WILD = re.compile(r"[*?]|\[(?!!)(.)[^]]*\]|\[![^]]+\]")  # of a pattern of names
_INSTEAD = {"*": PROBE, "?": "0"}

Rendered = Mapping[str, Any]
Render = Callable[[str], Rendered]


@dataclass
class Finding:
    """One distinct problem, and the minions that have it."""

    path: str
    value: str
    expected: str
    minions: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """The result of a check: the minions checked, the problems found, and warnings, which are none."""

    minions: list[str]
    findings: list[Finding]
    warnings: list[str] = field(default_factory=list)


def main(argv: list[str] | None = None) -> int:
    """Run ``saltk8s-check``; return 0 when the pillar is valid, 1 when it is not, 2 when it could not be checked."""
    options = _parser().parse_args(argv)
    try:
        outcome = run(Path(options.pillar_dir), options.defaults)
    except CannotCheck as err:
        print(f"saltk8s-check: {err}", file=sys.stderr)
        return 2
    print(as_json(outcome) if options.json else as_text(outcome, options.pillar_dir))
    return 1 if outcome.findings else 0


class CannotCheck(Exception):
    """The check cannot run: something that it needs is missing."""


def run(folder: Path, defaults_file: Path | None = None) -> Outcome:
    """Check a pillar folder.

    folder: where ``top.sls`` is; defaults_file: the pack's defaults, looked up when None.
    Raises CannotCheck when there is no Salt, or when the defaults cannot be read.
    """
    defaults = _defaults(defaults_file)
    if not folder.is_dir():
        return Outcome([], [Finding("k8s", "no such folder", f"a pillar folder: {folder}")])
    if not (folder / "top.sls").is_file():
        return Outcome([], [Finding("top.sls", "no such file", f"a top file in {folder}")])
    try:
        from saltk8s.pillar import check_render
    except ImportError as err:
        raise CannotCheck(f"Salt has to be installed, with this Python: {err}") from err
    with tempfile.TemporaryDirectory(prefix="saltk8s-check-") as scratch:
        renderer = check_render.Renderer(folder.resolve(), Path(scratch))
        return judge(renderer.render, renderer.targets(), defaults)


def judge(render: Render, targets: Iterable[str], defaults: Any) -> Outcome:
    """Check what every minion of the platform gets.

    render: returns the pillar of a minion id, with Salt's own errors as a list under ``_errors``;
    targets: the targets of the top file; defaults: what ``defaults.yaml`` holds.
    """
    seen: dict[str, Rendered] = {}
    waiting = [PROBE, *sorted({one for target in targets for one in example_ids(target)})]
    declared: set[str] = set()
    while waiting:
        minion = waiting.pop()
        if minion in seen:
            continue
        seen[minion] = render(minion)
        found = declared_in(seen[minion].get("k8s"))
        declared |= found
        waiting += sorted(found - set(seen))
    minions = sorted(declared) or [PROBE]
    findings: dict[tuple[str, str, str], Finding] = {}
    warnings: dict[str, None] = {}
    for minion in minions:
        for path, value, expected in _problems(minion, seen[minion], defaults, warnings):
            finding = findings.setdefault((path, value, expected), Finding(path, value, expected))
            finding.minions.append(minion)
    trees = {minion: seen[minion].get("k8s") for minion in minions}
    for path, value, expected in across(trees):
        findings.setdefault((path, value, expected), Finding(path, value, expected))
    return Outcome(sorted(declared), list(findings.values()), list(warnings))


def example_ids(target: str) -> list[str]:
    """Return minion ids that a target of the top file means: its names, and one for each pattern of names in it.

    Without them a cluster that only a pattern leads to would not be looked at. Of grains and regular expressions
    nothing is known here.
    """
    words = [word.removeprefix("L@") for word in re.split(r"[\s,()]+", target) if word not in ("and", "or", "not")]
    found = {word: _WILD.sub(lambda wild: _INSTEAD.get(wild[0]) or wild[1] or "0", word) for word in words}
    return [name for word, name in found.items() if MinionId.accept(name) and fnmatchcase(name, word)]


def across(trees: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    """Yield what several clusters must not share: (path, value, what was expected). trees: {minion: its ``k8s``}."""
    taken: dict[tuple[str, str], set[str]] = {}
    for tree in trees.values():
        name = _at(tree, "cluster", "name")
        if not isinstance(name, str):
            continue
        owners = {("k8s:cluster:admin", _at(tree, "cluster", "admin")): name}
        for node, given in (_at(tree, "nodes") or {}).items() if isinstance(_at(tree, "nodes"), Mapping) else ():
            owners[(f"k8s:nodes:{redact.name(node)}", node)] = name
            address = str(_at(given, "address")).partition("/")[0]
            owners |= {("an address of k8s:nodes", address): name} if address[:1].isdigit() else {}
            if isinstance(other := _at(trees.get(node), "cluster", "name"), str) and other != name:
                expected = f"a minion that gets the pillar of {redact.name(name)}, not that of {redact.name(other)}"
                yield f"k8s:nodes:{redact.name(node)}", redact.show(node), expected
        for key, owner in owners.items():
            if isinstance(key[1], str):
                taken.setdefault(key, set()).add(owner)
    for (path, value), names in taken.items():
        if len(names) > 1:
            yield (
                path,
                redact.show(value),
                f"one cluster's alone: {' and '.join(sorted(map(redact.name, names)))} have it",
            )
    admins: dict[str, set[str]] = {}
    for tree in trees.values():
        name, admin = _at(tree, "cluster", "name"), _at(tree, "cluster", "admin")
        if isinstance(name, str) and isinstance(admin, str):
            admins.setdefault(name, set()).add(admin)
    for name, found in admins.items():
        if len(found) > 1:
            expected = (
                f"another name for each cluster: {' and '.join(sorted(map(redact.name, found)))} are admins of it"
            )
            yield "k8s:cluster:name", redact.show(name), expected


def _at(tree: Any, *path: str) -> Any:
    for part in path:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree


def declared_in(tree: Any) -> set[str]:
    """Return the minions that a pillar's ``k8s`` tree names: its nodes, the admin, the cloud minion."""
    tree = tree if isinstance(tree, Mapping) else {}
    cluster, cloud, nodes = (
        value if isinstance(value, Mapping) else {} for value in map(tree.get, ("cluster", "cloud", "nodes"))
    )
    return {name for name in (*nodes, cluster.get("admin"), cloud.get("minion")) if MinionId.accept(name)}


def _problems(
    minion: str, pillar: Rendered, defaults: Any, warnings: dict[str, None]
) -> Iterable[tuple[str, str, str]]:
    errors = pillar.get("_errors") or ()
    for error in errors:
        yield "pillar", without_source(str(error)), "a pillar that Salt can render"
    if errors:  # anything missing then is a consequence of them
        return
    tree = pillar.get("k8s")
    roles = model.roles_of(tree, minion) & model.SECRET_ROLES
    try:
        built = model.build(defaults, tree, secrets_required=roles, encrypted=True)
        warnings.update(dict.fromkeys(schema_services.warnings(built)))
    except ConfigError as err:
        for problem in err.problems:
            yield problem.path, problem.value, problem.expected
    if not roles:
        for path, _ in model.secrets_in(tree):
            yield path, "a secret", "no secret: this minion is neither the admin nor the cloud minion (see top.sls)"


def without_source(error: str) -> str:
    """Return an error of Salt's on one line, without the lines of the file that it quotes: one may be secret."""
    return " ".join(error.partition("\n---")[0].split()) or "an error"


def as_json(outcome: Outcome) -> str:
    """Return the outcome for a program.

    ``valid``, ``minions``, ``problems`` (path, value, expected, minions), ``warnings`` (sentences).
    """
    problems = [vars(finding) for finding in outcome.findings]
    found = {"valid": not problems, "minions": outcome.minions, "problems": problems, "warnings": outcome.warnings}
    return json.dumps(found, indent=2)


def as_text(outcome: Outcome, folder: str) -> str:
    """Return the outcome as text: a line for each problem, and one for its minions when these are not all."""
    count, minions = len(outcome.findings), len(outcome.minions)
    if not count:
        valid = f"{folder}: valid for {minions} minion{'' if minions == 1 else 's'}"
        return "\n".join([valid, *(f"  warning: {text}" for text in outcome.warnings)])
    lines = [f"{folder}: {count} problem{'' if count == 1 else 's'}"]
    for finding in outcome.findings:
        lines.append(f"  {finding.path}: got {finding.value}; expected {finding.expected}")
        if finding.minions and len(finding.minions) < minions:
            rest = len(finding.minions) - SHOWN_MINIONS
            more = f" and {rest} more" if rest > 0 else ""
            lines.append(f"      on {', '.join(finding.minions[:SHOWN_MINIONS])}{more}")
    return "\n".join(lines)


def _defaults(path: Path | None) -> Any:
    path = path or loader.defaults_file()
    if path is None:
        raise CannotCheck("the pack's defaults.yaml was not found: give its path with --defaults")
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as err:
        raise CannotCheck(f"cannot read the defaults: {err}") from err


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="saltk8s-check",
        description="Check a pillar folder for every minion of the platform, without a master. Secrets may stay "
        "encrypted (PGP messages). A pillar that runs commands while it is rendered runs them here too.",
    )
    parser.add_argument("pillar_dir", help="folder with top.sls")
    parser.add_argument("--json", action="store_true", help="write the result as JSON")
    parser.add_argument("--defaults", type=Path, help="the pack's defaults.yaml (default: the installed one)")
    return parser
