"""The commands in ``lab/bin``."""

from __future__ import annotations

import os

from labkit import config


def test_commands_of_the_lab_are_executable_and_pass_everything_on():
    folder = config.LAB / "bin"
    names = {path.name for path in folder.iterdir()}
    assert {"salt", "salt-cloud", "salt-run", "salt-call", "salt-key", "kubectl", "rke", "ssh"} <= names
    for path in folder.iterdir():
        assert os.access(path, os.X_OK), path
        assert '"$@"' in path.read_text(), path
