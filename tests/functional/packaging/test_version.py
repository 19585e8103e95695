"""The version of what is built: the commit where git knows one, in the wheel and in the source archive."""

from __future__ import annotations

import re
import sys

import pytest
from saltk8s.base import version
from support import packaging


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    source = packaging.copy(tmp_path_factory.mktemp("checkout") / "source")
    (source / ".gitignore").write_text("*.egg-info/\n/build/\n/dist/\n__pycache__/\n")
    packaging.commit(source, "The pack")
    return source


@pytest.fixture(scope="module")
def wanted(checkout):
    """The version that this commit has."""
    commit = packaging.git("rev-parse", "--short=7", "HEAD", cwd=checkout).strip()
    return f"{version.RELEASE}+g{commit}"


def answer(python, folder):
    """What an environment says that it has."""
    return packaging.run(python, "-m", "saltk8s", "version", cwd=folder).split()[0]


def test_a_wheel_carries_the_commit(checkout, wanted, tmp_path):
    built = packaging.wheel(checkout, tmp_path / "wheel")
    assert built.name == f"saltk8s-{wanted}-py3-none-any.whl"
    python = packaging.environment(tmp_path / "venv")
    packaging.pip_install(python, built)
    assert answer(python, tmp_path) == wanted
    script = "import saltk8s; print(saltk8s.__version__)"
    assert packaging.run(python, "-c", script, cwd=tmp_path).strip() == wanted


def test_a_wheel_of_two_commits_and_a_synced_one_are_told_apart(checkout, wanted, tmp_path):
    """The wheel of one commit in the minion's Python, the modules of the next on the file server."""
    python = packaging.environment(tmp_path / "venv")
    packaging.pip_install(python, packaging.wheel(checkout, tmp_path / "wheel"))
    newer = tmp_path / "newer"
    packaging.git("clone", "-q", checkout, newer, cwd=tmp_path)
    module = newer / "salt" / "_modules" / "kubectl.py"
    module.write_text(module.read_text() + "\n# newer\n")
    packaging.commit(newer, "A newer module")
    minion = packaging.Masterless(python, tmp_path / "minion", file_roots={"base": [str(newer / "salt")]})
    minion.call("saltutil.sync_all")
    (warning,) = minion.call("k8s_config.validate")["warnings"]
    script = "import sys; sys.path.insert(0, sys.argv[1]); from saltk8s.base import version; print(version.content())"
    digest = packaging.run(sys.executable, "-c", script, newer / "salt" / "_utils", cwd=tmp_path).strip()
    assert f"{version.RELEASE} (content {digest})" in warning and wanted in warning
    packaging.git("reset", "-q", "--hard", "HEAD~1", cwd=newer)
    minion.call("saltutil.sync_all")
    assert minion.call("k8s_config.validate")["warnings"] == []


def test_a_source_archive_carries_it_into_its_wheel(checkout, wanted, tmp_path):
    packaging.run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, checkout)
    (archive,) = tmp_path.glob("*.tar.gz")
    assert archive.name == f"saltk8s-{wanted}.tar.gz"
    packaging.run("tar", "-xf", archive, cwd=tmp_path)
    built = packaging.wheel(tmp_path / f"saltk8s-{wanted}", tmp_path / "wheel")
    assert built.name == f"saltk8s-{wanted}-py3-none-any.whl"
    assert {"salt/k8s/init.sls", "salt/_modules/rke.py"} <= members(archive)


def members(archive):
    """Files of a source archive, from its top."""
    listed = packaging.run("tar", "-tf", archive, cwd=archive.parent).splitlines()
    return {name.partition("/")[2] for name in listed}


def test_a_release_has_no_commit_in_its_name(checkout, tmp_path):
    released = tmp_path / "released"
    packaging.git("clone", "-q", checkout, released, cwd=tmp_path)
    packaging.git("tag", f"v{version.RELEASE}", cwd=released)
    assert packaging.wheel(released, tmp_path / "wheel").name == f"saltk8s-{version.RELEASE}-py3-none-any.whl"


def test_an_editable_install_follows_the_checkout(checkout, wanted, tmp_path):
    source = tmp_path / "source"
    packaging.git("clone", "-q", checkout, source, cwd=tmp_path)
    python = packaging.environment(tmp_path / "venv")
    packaging.pip_install(python, "--no-build-isolation", "--editable", source)
    assert answer(python, tmp_path) == wanted
    (source / "README.md").write_text("changed\n")
    assert answer(python, tmp_path) == f"{wanted}.dirty"
    packaging.commit(source, "Another commit")
    assert re.fullmatch(re.escape(version.RELEASE) + r"\+g[0-9a-f]{7}", answer(python, tmp_path)) is not None
    assert answer(python, tmp_path) != wanted
