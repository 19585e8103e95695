"""Imports point downwards, between rooms as `tests/support/imports.py` has them; and the rooms stay small."""

from __future__ import annotations

import pytest
from support import imports, tree


def test_the_tree_keeps_its_rules():
    assert imports.problems(tree.ROOT / "salt") == []
    assert len(imports.graph(tree.LIBRARY)) > 90 and len(list(imports.of_edges(tree.ROOT / "salt"))) > 20


# What each room must not do, as a file and the line that it must not have.
BAD = {
    "base/files.py": "from saltk8s.pillar.vocabulary import values",
    "base/process.py": "from saltk8s.kubectl.client import program",
    "pillar/vocabulary/values.py": "from saltk8s.pillar import model",
    "pillar/rules.py": "from saltk8s.kubectl.client.program import Kubectl",
    "pillar/model.py": "from saltk8s.services.backup import operations",
    "pillar/schema.py": "import saltk8s.engine.rke.guards",
    "kubectl/health/assessment.py": "from saltk8s.services.backup import schema",
    "kubectl/client/program.py": "from saltk8s.engine import health",
    "nodes/docker.py": "from saltk8s.kubectl.client import program",
    "cloud/salt_cloud.py": "from saltk8s.nodes import docker",
    "services/traefik.py": "from saltk8s.services import metallb",
    "services/backup/operations.py": "from saltk8s.services.tenants import kubeconfigs",
    "services/backup/schema.py": "from saltk8s.kubectl.client import program",
    "services/tenants/schema.py": "from saltk8s.pillar import model",
    "services/tenants/kubeconfigs.py": "from ..backup import operations",
    "services/common.py": "from saltk8s.services import traefik",
    "engine/registry.py": "from saltk8s.engine.rke import schema",
    "engine/health.py": "from saltk8s.engine.rke import guards",
    "engine/rke/schema.py": "from saltk8s.pillar import model",
    "engine/rke/guards.py": "from saltk8s.engine.second import guards",
    "engine/second/guards.py": "from saltk8s.services.backup import schema",
}
GOOD = {
    "__main__.py": "from saltk8s.pillar import model",
    "pillar/model.py": "from saltk8s.services.tenants import schema",
    "pillar/rules.py": "from saltk8s.pillar import model",
    "services/status.py": "from saltk8s.services import backup, traefik",
    "services/backup/schema.py": "from saltk8s.services import common",
    "services/backup/operations.py": "from saltk8s.services.backup import schema",
    "services/tenants/kubeconfigs.py": "from . import schema",
    "engine/rke/guards.py": "from saltk8s.engine import health, registry",
    "engine/health.py": "from saltk8s.kubectl.health import assessment",
}


@pytest.fixture
def package(tmp_path):
    """A library in small: every file that the examples name, with nothing in it."""
    top = tmp_path / "_utils" / "saltk8s"
    for name in {*BAD, *GOOD, "engine/second/schema.py"}:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        for folder in [path.parent, *path.parent.parents]:
            if folder == tmp_path / "_utils":
                break
            (folder / "__init__.py").write_text("")
    return top


@pytest.mark.parametrize("name", BAD)
def test_an_import_against_the_direction_is_found(package, name):
    (package / name).write_text(f"def late():\n    {BAD[name]}\n")
    (problem,) = imports.forbidden(package)
    assert problem.startswith(name.removesuffix(".py").replace("/", "."))


@pytest.mark.parametrize("name", GOOD)
def test_an_import_in_the_direction_is_not(package, name):
    (package / name).write_text(f"{GOOD[name]}\n")
    assert imports.forbidden(package) == []


def test_a_circle_is_found(package):
    (package / "kubectl/health/assessment.py").write_text("from saltk8s.kubectl.client import program\n")
    assert imports.cycles(package) == []
    (package / "kubectl/client/program.py").write_text("from saltk8s.kubectl.health.assessment import assess\n")
    (circle,) = imports.cycles(package)
    assert set(circle) == {"kubectl.health.assessment", "kubectl.client.program"}


def test_a_crowded_room_is_found(package):
    for number in range(imports.MAX_MODULES + 1):
        (package / "nodes" / f"n{number}.py").write_text("")
    assert imports.crowded(package) == ["nodes has 16 modules"]
    for number in range(imports.MAX_ENTRIES):
        (package / f"room{number}").mkdir()
    assert len(imports.crowded(package)) == 2


def test_an_edge_that_knows_another_engine_is_found(package):
    folder = package.parents[1]
    for kind in ("_modules", "_states"):
        (folder / kind).mkdir()
        (folder / kind / "rke.py").write_text("from saltk8s.engine.rke import guards\n")
        (folder / kind / "kubectl.py").write_text("from saltk8s.kubectl.client import program\n")
    assert imports.problems(folder) == []
    (folder / "_states" / "kubectl.py").write_text("from saltk8s.engine.rke import guards\n")
    assert imports.problems(folder) == ["_states/kubectl.py imports engine.rke.guards"]


def test_a_room_that_nobody_has_named_is_found(package):
    (package / "misc.py").write_text("")
    with pytest.raises(ValueError, match="no room"):
        imports.forbidden(package)
