"""The programs behind the Makefile: an environment is made again when its requirements change, a failure is shown."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from support import steps, tree, venv


@pytest.fixture
def requirements(tmp_path, monkeypatch):
    folder = tmp_path / "requirements"
    folder.mkdir()
    (folder / "salt-3008.txt").write_text("-r dev.txt\nsalt==3008.3\n")
    (folder / "dev.txt").write_text("pytest\n")
    monkeypatch.setattr(venv, "REQUIREMENTS", folder)
    return folder


@pytest.mark.parametrize("name", ["salt-3008.txt", "dev.txt", "constraints-3008.txt"])
def test_an_environment_depends_on_all_its_requirements(requirements, name):
    before = venv.key("3008", sys.executable)
    assert venv.key("3008", sys.executable) == before
    (requirements / name).write_text("something==2\n")
    assert venv.key("3008", sys.executable) != before


def test_an_environment_that_is_as_it_should_be_is_left_alone(requirements, tmp_path, monkeypatch):
    monkeypatch.setenv("SALTK8S_CACHE", str(tmp_path))
    monkeypatch.setattr(venv, "_run", lambda argv: pytest.fail(f"ran {argv}"))
    python = venv.interpreter()
    (tmp_path / "venv-3008").mkdir()
    (tmp_path / "venv-3008" / venv.STAMP).write_text(f"{python} {venv.key('3008', python)}\n")
    assert venv.make("3008") == tmp_path / "venv-3008"


def test_a_failed_step_is_shown_whole_and_does_not_keep_the_others_from_running(tmp_path, monkeypatch, capsys):
    def bad(_lines, _more):
        steps.step("bad", sys.executable, "-c", "print('why it failed'); raise SystemExit(3)")

    def good(lines, more):
        steps.step("good", sys.executable, "-c", "print('noise'); print('== 7 passed ==')", last_line=True)
        assert (lines, more) == (["3006"], ["-k", "word"])

    monkeypatch.setattr(steps, "ROOT", tmp_path)
    monkeypatch.setattr(steps, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(steps, "STEPS", {"bad": bad, "good": good})
    assert steps.main(["bad", "good", "--line", "3006", "--", "-k", "word"]) == 1
    shown = capsys.readouterr().out
    assert "why it failed" in shown and "exit status 3" in shown and "FAILED  bad" in shown
    assert "good: 7 passed" in shown and "noise" not in shown
    assert (tmp_path / "logs" / "good.log").read_text().startswith("noise")


def test_what_ci_runs_is_a_program():
    script = tree.ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", script], capture_output=True).returncode == 0


@pytest.mark.parametrize("kind", ["unit", "functional"])
def test_what_runs_on_one_line_only_is_there(kind):
    assert set(steps.ONCE[kind]) == set(venv.LINES)
    names = [name for share in steps.ONCE[kind].values() for name in share]
    assert len(set(names)) == len(names)
    assert [name for name in names if not (tree.ROOT / "tests" / kind / name).exists()] == []


def test_unit_tests_that_import_salt_run_on_both_lines():
    shared = {name for share in steps.ONCE["unit"].values() for name in share}
    salt = re.compile(r"^(import|from) salt[. \n]", re.MULTILINE)
    files = [path for path in (tree.ROOT / "tests" / "unit").rglob("test_*.py") if salt.search(path.read_text())]
    assert files
    assert [path for path in files if path.relative_to(tree.ROOT / "tests" / "unit").parts[0] in shared] == []


def test_a_line_leaves_to_the_other_what_is_the_others(monkeypatch):
    ran = {}
    monkeypatch.setattr(steps, "_pytest", lambda kind, line, words: ran.setdefault(line, words))
    steps.functional(list(venv.LINES), ["-k", "word"])
    ignored = {line: {word for word in words if word.startswith("--ignore=")} for line, words in ran.items()}
    assert all(words[-2:] == ["-k", "word"] for words in ran.values())
    assert "--ignore=tests/functional/kubectl/test_faults.py" in ignored["3006"] - ignored["3008"]
    ran.clear()
    steps.functional(["3006"], [])
    assert ran == {"3006": []}, "alone it runs everything"


def test_what_was_skipped_runs_again(tmp_path, monkeypatch, capsys):
    """As pytest writes it, with the steps' own names of the logs."""
    case = tmp_path / "test_case.py"
    case.write_text(
        "import pytest\n@pytest.mark.skip(reason='not there yet')\n@pytest.mark.parametrize('a', [1, 2])\n"
        "def test_one(a): pass\ndef test_two(): pass\n"
    )
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    monkeypatch.setattr(steps, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(steps, "tool", lambda *_: sys.executable)
    steps.step("functional tests on Salt 3008", *steps._words("3008", "-ra", case.name))
    ran = {}
    monkeypatch.setattr(steps, "step", lambda title, *words, **_: ran.setdefault(title, words))
    steps.skipped(["3008", "3006"], ["-x"])
    assert list(ran) == ["skipped tests on Salt 3008, again"]
    assert ran["skipped tests on Salt 3008, again"][-2:] == ("test_case.py", "-x")
    assert "nothing was skipped on Salt 3006" in capsys.readouterr().out


@pytest.mark.parametrize(("times", "code"), [(1, 0), (2, 1)])
def test_what_fails_twice_is_a_failure_and_what_fails_once_is_named(tmp_path, monkeypatch, capsys, times, code):
    folder = tmp_path / "tests" / "functional"
    folder.mkdir(parents=True)
    (folder / "test_it.py").write_text(
        "from pathlib import Path\n"
        "def test_good(): assert not Path('again').exists(), 'only what failed is run again'\n"
        "def test_bad():\n"
        "    runs = Path('runs'); runs.open('a').write('x')\n"
        f"    if len(runs.read_text()) == {times}: Path('again').touch()\n"
        f"    assert len(runs.read_text()) > {times}\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    monkeypatch.setattr(steps, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(steps, "tool", lambda name, line="": sys.executable)
    assert steps.main(["functional", "--line", "3008"]) == code
    shown = capsys.readouterr().out
    assert ("UNSTABLE" in shown and "test_it.py::test_bad" in shown) == (code == 0)
    assert ("FAILED  functional" in shown) == (code == 1)
