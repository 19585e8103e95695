"""Pairs of pillars, and what rke itself would change between them: its own code, in the lab's program ``rke-plan``."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from saltk8s.engine.rke import cluster_yml
from saltk8s.pillar.schema_cluster import CLUSTER
from saltk8s.pillar.vocabulary.types import Bool, Enum, Int, Key, Section
from tests.support import pillars
from tests.support import rke as sample

_CASES = sample.case("planned")


class Pair(NamedTuple):
    """A change of the pillar: two models, and whether etcd's containers still say that members were added."""

    before: dict[str, Any]
    after: dict[str, Any]
    joined: bool = False


def pairs() -> dict[str, Pair]:
    """Return every pair by its name: those of the case file, and one of each option of ``k8s:cluster`` at least."""
    base = _CASES["base"]
    found = {}
    for name, case in _CASES["changes"].items():
        before = _over(base, case.get("before") or {})
        found[name] = Pair(before, _over(before, case["after"]), bool(case.get("joined")))
    for path, others in _options(CLUSTER):
        for number, value in enumerate(others, 1):
            over: Any = value
            for step in reversed(path):
                over = {step: over}
            name = ".".join(path) + (f" {number}" if number > 1 else "")
            found[name] = Pair(base, _over(base, {"cluster": over}))
    return found


def _over(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Merge; nodes are replaced together, so that some can go."""
    merged = pillars.merge(copy.deepcopy(base), copy.deepcopy(over))
    return {**merged, "nodes": copy.deepcopy(over.get("nodes") or base["nodes"])}


def _options(section: Section, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Return each option with other values for it: derived from its type, or of the case file."""
    for name, key in section.keys.items():
        here = (*path, name)
        if name == "aci":
            continue  # needs a fabric, and is refused on a cluster with Canal
        if isinstance(key.type, Section):
            yield from _options(key.type, here)
            continue
        yield here, _others(here, key)


def _others(path: tuple[str, ...], key: Key) -> list[Any]:
    given = _CASES["values"].get(".".join(path))
    if given is not None:
        return given
    now: Any = sample.model(_CASES["base"])["cluster"]
    for step in path:
        now = (now or {}).get(step)
    if isinstance(key.type, Bool):
        return [not now]
    if isinstance(key.type, Enum):
        return [word for word in key.type.words if word != now]
    if isinstance(key.type, Int):
        return [key.type.least + 1 if now != key.type.least + 1 else key.type.least + 2]
    raise AssertionError(f"{'.'.join(path)} is new: give other values for it in tests/cases/engine/rke/planned.yaml")


def configuration(model: dict[str, Any]) -> dict[str, Any]:
    """Return the ``cluster.yml`` of a model that is given as what differs from the tests' base."""
    return cluster_yml.build(sample.model(model))


def of_rke(program: Path, folder: Path, wanted: dict[str, Pair]) -> dict[str, dict[str, Any]]:
    """Return what rke would change, ``{pair: {"nodes", "addons", "certificates"}}``."""
    written: dict[str, str] = {}

    def path(model: dict[str, Any]) -> str:
        text = cluster_yml.text(configuration(model))
        if text not in written:
            file = folder / f"cluster-{len(written)}.yml"
            file.write_text(text)
            written[text] = str(file)
        return written[text]

    asked = [{"before": path(one.before), "after": path(one.after), "existing": one.joined} for one in wanted.values()]
    done = subprocess.run([program], input=json.dumps(asked), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(wanted, json.loads(done.stdout), strict=True))
