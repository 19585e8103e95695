"""Imports point downwards, between rooms as `tests/support/imports.py` has them; and the rooms stay small."""

from __future__ import annotations

import pytest
from support import imports, tree

MAX_ENTRIES = 10  # of the library's folder
MAX_MODULES = 14  # of any folder in it
SALT = tree.ROOT / "salt"


def entries(folder):
    return [path for path in folder.iterdir() if path.name != "__pycache__"]


def crowded(package):
    """Folders that hold more than a person takes in at a glance."""
    folders = [package, *(path for path in package.rglob("*") if path.is_dir() and path.name != "__pycache__")]
    counts = {path: len([one for one in path.glob("*.py") if one.name != "__init__.py"]) for path in folders}
    return [path.name for path, count in counts.items() if count > MAX_MODULES]


def test_imports_point_downwards():
    assert imports.forbidden(tree.LIBRARY) == []


def test_there_are_no_circles():
    assert imports.cycles(tree.LIBRARY) == []


def test_only_an_engines_edge_knows_an_engine():
    edges = list(imports.of_edges(SALT))
    assert len(edges) > 20
    engines = {path.name for path in (tree.LIBRARY / "engine").iterdir() if (path / "__init__.py").is_file()}
    assert "rke" in engines
    for edge, target in edges:
        named = target.split(".")[1:2] if target.startswith("engine.") else []
        if named and named[0] in engines:
            assert edge.endswith(f"/{named[0]}.py"), f"{edge} imports {target}"


def test_rooms_stay_small():
    assert len(entries(tree.LIBRARY)) <= MAX_ENTRIES, sorted(path.name for path in entries(tree.LIBRARY))
    assert crowded(tree.LIBRARY) == []


# What each room must not do, as a file and the line that it must not have.
BAD = {
    "base/files.py": "from saltk8s.pillar.vocabulary import values",
    "base/process.py": "from saltk8s.kubectl.client import program",
    "pillar/vocabulary/values.py": "from saltk8s.pillar import model",
    "pillar/rules.py": "from saltk8s.kubectl.client.program import Kubectl",
    "pillar/model.py": "from saltk8s.services.backup import operations",
    "pillar/schema.py": "import saltk8s.engine.rke.guards",
    "kubectl/health/judge.py": "from saltk8s.services.backup import schema",
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
    "engine/health.py": "from saltk8s.kubectl.health import judge",
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
    (package / "kubectl/health/judge.py").write_text("from saltk8s.kubectl.client import program\n")
    assert imports.cycles(package) == []
    (package / "kubectl/client/program.py").write_text("from saltk8s.kubectl.health.judge import judge\n")
    (circle,) = imports.cycles(package)
    assert set(circle) == {"kubectl.health.judge", "kubectl.client.program"}


def test_a_crowded_room_is_found(package):
    for number in range(MAX_MODULES + 1):
        (package / "nodes" / f"n{number}.py").write_text("")
    assert crowded(package) == ["nodes"]


def test_a_room_that_nobody_has_named_is_found(package):
    (package / "misc.py").write_text("")
    with pytest.raises(ValueError, match="no room"):
        imports.forbidden(package)
