"""The pack installed with pip: Salt's loader finds the modules, the master a file root, and versions may not drift."""

from __future__ import annotations

import re
import shutil
import sys
import zipfile

import pytest
from saltk8s.base import version
from support import packaging

OURS = ("k8s_config.get", "rke.version", "kubectl.get")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return packaging.copy(tmp_path_factory.mktemp("pip") / "source")


@pytest.fixture(scope="module")
def built(source, tmp_path_factory):
    return packaging.wheel(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """Python of an environment with the wheel in it."""
    python = packaging.environment(tmp_path_factory.mktemp("venv") / "venv")
    packaging.pip_install(python, built)
    return python


@pytest.fixture(scope="module")
def formulas(installed, tmp_path_factory):
    """The file root that the wheel brought."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")  # not the checkout: Python puts the current folder on its path
    return packaging.run(installed, "-m", "saltk8s.base.loader", cwd=elsewhere).strip()


@pytest.fixture(scope="module")
def minion(installed, formulas, tmp_path_factory):
    folder = tmp_path_factory.mktemp("salt")
    return packaging.Masterless(installed, folder / "minion", file_roots={"base": [formulas]})


def test_the_wheel_holds_the_whole_tree_and_nothing_else(source, built):
    with zipfile.ZipFile(built) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = [path for path in (source / "salt").rglob("*") if path.is_file()]
    wanted = {f"saltk8s/formulas/{path.relative_to(source / 'salt')}" for path in files}
    library = source / "salt" / "_utils" / "saltk8s"
    wanted |= {f"saltk8s/{path.relative_to(library)}" for path in library.rglob("*.py")}
    assert names == wanted
    assert built.name == f"saltk8s-{version.RELEASE}-py3-none-any.whl", "the copy has no git, so no commit is known"


def test_salt_finds_the_modules_that_pip_installed(minion, formulas):
    assert "site-packages" in formulas
    functions = minion.call("sys.list_functions")
    assert [name for name in OURS if name not in functions] == []
    states = minion.call("sys.list_state_functions")
    assert {"k8s_cluster.up", "kubectl.applied"} <= set(states)


def test_the_formulas_come_with_it(minion):
    assert "k8s" in minion.call("cp.list_states")
    first = next(iter(minion.call("state.apply", "k8s", "test=True").values()))
    assert (first["result"], first["changes"]) == (True, {})
    assert "no `k8s`" in first["comment"]


def test_the_check_is_a_command(installed, tmp_path):
    command = installed.parent / "saltk8s-check"
    assert "pillar_dir" in packaging.run(command, "--help", cwd=tmp_path)
    answer = packaging.run(installed, "-c", "import saltk8s; print(saltk8s.__file__)", cwd=tmp_path)
    assert "site-packages" in answer


def synced(python, folder, roots):
    """A minion that has pip's package and synced modules from these file roots."""
    minion = packaging.Masterless(python, folder, file_roots={"base": [str(roots)]})
    assert "modules.k8s_config" in minion.call("saltutil.sync_all")["modules"]
    return minion


@pytest.mark.parametrize("changed", ["_modules/kubectl.py", "_states/kubectl.py", "_utils/saltk8s/base/files.py"])
def test_modules_of_another_commit_than_the_package_are_told(installed, formulas, tmp_path, changed):
    roots = tmp_path / "roots"
    shutil.copytree(formulas, roots)
    with (roots / changed).open("a") as module:
        module.write("\n# a newer commit\n")
    (warning,) = synced(installed, tmp_path / "minion", roots).call("k8s_config.validate")["warnings"]
    names = re.findall(rf"{re.escape(version.RELEASE)} \(content ([0-9a-f]+)\)", warning)
    assert len(set(names)) == 2, "it names both"
    assert "site-packages" in warning and str(tmp_path / "minion") in warning


def test_one_commit_gives_no_warning(minion, installed, formulas, tmp_path):
    assert minion.call("k8s_config.validate")["warnings"] == []
    assert synced(installed, tmp_path / "minion", formulas).call("k8s_config.validate")["warnings"] == []


def test_what_a_site_has_beside_the_pack_is_no_drift(installed, formulas, tmp_path):
    roots = tmp_path / "roots"
    shutil.copytree(formulas, roots)
    (roots / "_modules" / "site.py").write_text("def greet():\n    return 'bonjour'\n")
    minion = synced(installed, tmp_path / "minion", roots)
    assert minion.call("site.greet") == "bonjour"
    assert minion.call("k8s_config.validate")["warnings"] == []


def test_an_editable_install_works_on_the_checkout(source, tmp_path):
    python = packaging.environment(tmp_path / "venv")
    packaging.pip_install(python, "--no-build-isolation", "--editable", source)
    formulas = packaging.run(python, "-m", "saltk8s.base.loader", cwd=tmp_path).strip()
    assert formulas == str(source / "salt")
    minion = packaging.Masterless(python, tmp_path / "minion", file_roots={"base": [formulas]})
    functions = minion.call("sys.list_functions")
    assert [name for name in OURS if name not in functions] == []


def test_this_environment_does_not_have_it_installed():
    """Else the other tests would test that installation and not this tree."""
    listed = packaging.run(sys.executable, "-m", "pip", "list", "--format=freeze")
    assert not [line for line in listed.splitlines() if line.lower().startswith("saltk8s")]
