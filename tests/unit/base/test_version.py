"""The version, and what tells two copies of the pack apart."""

from __future__ import annotations

import shutil

import pytest
from saltk8s.base import version
from support import packaging, tree

ANSWERS = {
    f"v{version.RELEASE}-0-g1a2b3c4": version.RELEASE,
    f"v{version.RELEASE}-0-g1a2b3c4-dirty": f"{version.RELEASE}+g1a2b3c4.dirty",
    f"v{version.RELEASE}-3-g1a2b3c4": f"{version.RELEASE}+g1a2b3c4",
    "v0.0.9-0-g1a2b3c4": f"{version.RELEASE}+g1a2b3c4",
    "1a2b3c4": f"{version.RELEASE}+g1a2b3c4",
    "1a2b3c4-dirty": f"{version.RELEASE}+g1a2b3c4.dirty",
    "fatal: not a git repository": None,
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_git_describes(answer):
    assert version._described(answer) == ANSWERS[answer]


def checkout(folder):
    """A folder laid out as the repository is, with the library and the modules."""
    shutil.copytree(tree.ROOT / "salt", folder / "salt", ignore=shutil.ignore_patterns("__pycache__", "k8s"))
    shutil.copyfile(tree.ROOT / "setup.cfg", folder / "setup.cfg")
    return folder / "salt" / "_utils" / "saltk8s"


def minion(folder):
    """A folder laid out as what a minion synced."""
    for kind in ("modules", "states", "clouds", "utils"):
        source = tree.ROOT / "salt" / f"_{kind}"
        shutil.copytree(source, folder / kind, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "modules" / "k8s_config.py"


def test_a_commit_a_change_and_a_tag(tmp_path):
    package = checkout(tmp_path)
    of = version.version.__wrapped__
    assert of(package) == version.RELEASE, "no git"
    packaging.commit(tmp_path, "The pack")
    first = of(package)
    commit = packaging.git("rev-parse", "--short=7", "HEAD", cwd=tmp_path).strip()
    assert first == f"{version.RELEASE}+g{commit}"
    with (package / "__init__.py").open("a") as changed:
        changed.write("# changed\n")
    assert of(package) == f"{first}.dirty"
    packaging.commit(tmp_path, "Another one")
    assert of(package) not in (first, f"{first}.dirty")
    packaging.git("tag", f"v{version.RELEASE}", cwd=tmp_path)
    assert of(package) == version.RELEASE


def test_a_source_archive_carries_it(tmp_path):
    package = checkout(tmp_path)
    (tmp_path / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: saltk8s\nVersion: 0.1.0+g1a2b3c4\n")
    assert version.version.__wrapped__(package) == "0.1.0+g1a2b3c4"


def test_the_synced_copy_has_the_release_only(tmp_path):
    assert version.version.__wrapped__(minion(tmp_path).parents[1] / "utils" / "saltk8s") == version.RELEASE


def test_two_copies_of_one_commit_are_the_same(tmp_path):
    module = minion(tmp_path)
    assert version.drift(str(module)) is None
    assert version.drift(str(tree.ROOT / "salt/_modules/k8s_config.py")) is None
    (module.parent / "of_the_site.py").write_text("")
    assert version.drift(str(module)) is None
    (tmp_path / "utils" / "saltk8s" / "__pycache__").mkdir()
    assert version.drift(str(module)) is None


@pytest.mark.parametrize("name", ["modules/kubectl.py", "states/kubectl.py", "utils/saltk8s/base/files.py"])
def test_a_changed_and_a_missing_file_are_a_difference(tmp_path, name):
    module = minion(tmp_path)
    path = tmp_path / name
    path.write_text(path.read_text() + "# newer\n")
    changed = version.drift(str(module))
    path.unlink()
    missing = version.drift(str(module))
    assert changed and missing and changed != missing
    assert str(tmp_path) in changed and str(version.PACKAGE) in changed and version.content() in changed


def test_a_new_file_in_the_library_is_a_difference(tmp_path):
    module = minion(tmp_path)
    (tmp_path / "utils" / "saltk8s" / "new.py").write_text("")
    assert version.drift(str(module))
