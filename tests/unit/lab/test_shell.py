"""Running programs, background processes, waiting."""

from __future__ import annotations

import subprocess

import pytest
from labkit import shell


def test_background_process_is_known_by_more_than_its_id(cache):
    pid = shell.start_process("sleeper", "sleep", "60")
    try:
        assert shell.running("sleeper") == pid
        kept = shell.pid_file("sleeper").read_text()
        shell.pid_file("sleeper").write_text(f"{pid} 1\n")  # another process which was given the same id
        assert shell.running("sleeper") is None
        shell.pid_file("sleeper").write_text(kept)
        assert shell.stop_process("sleeper") is True
        assert shell.running("sleeper") is None
        assert shell.stop_process("sleeper") is False
    finally:
        subprocess.run(["kill", "-9", str(pid)], capture_output=True, check=False)


def test_the_error_of_a_program_has_its_complete_output():
    with pytest.raises(shell.LabError) as raised:
        shell.run("sh", "-c", "echo one; echo two >&2; exit 3")
    assert "exit status 3" in str(raised.value)
    assert "one" in str(raised.value)
    assert "two" in str(raised.value)
    with pytest.raises(shell.LabError, match="not found"):
        shell.run("no-such-program-here")


def test_a_timeout_names_what_was_waited_for():
    with pytest.raises(shell.LabError, match="timed out after 0 s waiting until the moon is full"):
        shell.until(lambda: False, "the moon is full", timeout_s=0, every_s=0)
