"""What the lab requires of a machine, and what it installs."""

from __future__ import annotations

import pytest
from labkit import config, preflight, programs, shell


@pytest.mark.parametrize(
    ("text", "release"),
    [("go version go1.26.3 linux/amd64", (1, 26)), ("go1.9", (1, 9)), ("command not found", (0, 0)), ("", (0, 0))],
)
def test_go_release(text, release):
    assert preflight.go_release(text) == release
    assert (preflight.go_release(text) >= preflight.GO) == (release == (1, 26))


def test_what_is_built_already_takes_no_more_disk(cache):
    assert preflight.disk_wanted() == preflight.DISK_COLD_GIB
    program = cache / "bin" / "0123456789ab" / programs.PROGRAMS[-1].name
    program.parent.mkdir(parents=True)
    program.touch()
    assert preflight.disk_wanted() == preflight.DISK_BUILT_GIB
    (config.store() / "seed").mkdir(parents=True)
    assert preflight.disk_wanted() == preflight.DISK_WARM_GIB


def test_preflight_says_first_what_cannot_be_had(monkeypatch):
    monkeypatch.setattr(preflight, "unmet_requirements", lambda: ["root", "30 GiB of free disk at /"])
    monkeypatch.setattr(preflight, "installable", dict)
    said: list[str] = []
    with pytest.raises(shell.LabError, match="requirements not met: root; 30 GiB"):
        preflight.check(said.append)
    assert said == []


def test_preflight_installs_only_what_is_missing(monkeypatch):
    missing = [{"docker": "docker.io"}, {}]
    installed: list[dict] = []
    monkeypatch.setattr(preflight, "unmet_requirements", list)
    monkeypatch.setattr(preflight, "installable", lambda: missing.pop(0))
    monkeypatch.setattr(preflight, "install", installed.append)
    monkeypatch.setattr(preflight.shutil, "which", lambda program: f"/usr/bin/{program}")
    said: list[str] = []
    preflight.check(said.append)
    assert installed == [{"docker": "docker.io"}]
    assert said == ["installing missing packages from Debian: docker"]


def test_preflight_gives_up_when_installing_did_not_help(monkeypatch):
    monkeypatch.setattr(preflight, "unmet_requirements", list)
    monkeypatch.setattr(preflight, "installable", lambda: {"go >= 1.26": "golang"})
    monkeypatch.setattr(preflight, "install", lambda missing: None)
    monkeypatch.setattr(preflight.shutil, "which", lambda program: f"/usr/bin/{program}")
    with pytest.raises(shell.LabError, match="go >= 1.26"):
        preflight.check(lambda line: None)
