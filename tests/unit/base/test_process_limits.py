"""Time limits hold whatever a program does with its pipes and its children."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from saltk8s.base import errors, process
from tests.unit.base.test_process import python

LIMIT_S = 1.0
AT_MOST_S = LIMIT_S + 2 * process.GRACE_S + 1.0  # the last second is for a busy machine
DAEMON = "import subprocess; subprocess.Popen(['sleep', '8'], start_new_session=True, stdin=subprocess.DEVNULL)"

LEFT_BEHIND = {
    "in the background": ["sh", "-c", "echo done; sleep 8 &"],
    "in a session of its own": ["sh", "-c", "echo done; setsid sleep 8 &"],
    "a daemon": python(f"print('done', flush=True)\n{DAEMON}"),
    "with standard error alone": ["sh", "-c", "echo done; sleep 8 >/dev/null &"],
    "with the input, too": ["sh", "-c", "echo done; (exec 3<&0; sleep 8 <&3) &"],
    "that goes on talking": ["sh", "-c", "echo done; while sleep 0.05; do echo more >&2; done & sleep 0.1"],
    "that floods": ["sh", "-c", "echo done; timeout 8 yes >&2 &"],
}

TOO_LONG = {
    "sleeps": ["sleep", "8"],
    "has a child that sleeps": ["sh", "-c", "sleep 8; true"],
    "has a child in a session of its own": ["sh", "-c", "setsid sleep 8; true"],
    "waits for a child in the background": ["sh", "-c", "sleep 8 & wait"],
    "leaves a daemon, and sleeps": python(f"{DAEMON}\ntime.sleep(8)"),
    "closes its output": ["sh", "-c", "exec >&- 2>&-; sleep 8"],
    "does not read its input": ["sh", "-c", "sleep 8 <&-"],
    "ignores every signal that it can": ["sh", "-c", "trap '' HUP INT TERM PIPE; sleep 8; sleep 8"],
}


def ways():
    """How a program is listened to."""
    return [{}, {"on_line": lambda line: None}, {"give_up": lambda line: False}, {"stdin": "x" * (2 << 20)}]


@pytest.mark.parametrize("argv", LEFT_BEHIND.values(), ids=LEFT_BEHIND)
def test_what_a_program_leaves_running_is_not_waited_for(argv):
    for way in ways():
        begun = time.monotonic()
        done = process.run(argv, timeout_s=6, **way)
        assert time.monotonic() - begun < 1.5 + process.GRACE_S, way
        assert done.exit_status == 0, way
        assert done.out.startswith(("done", "y\n")), way  # of lines the last are kept


@pytest.mark.parametrize("argv", TOO_LONG.values(), ids=TOO_LONG)
def test_the_limit_holds(argv):
    for way in ways():
        begun = time.monotonic()
        with pytest.raises(errors.CommandTimeout, match=f"{argv[0]} timed out after 1 s"):
            process.run(argv, timeout_s=LIMIT_S, **way)
        assert LIMIT_S <= time.monotonic() - begun < AT_MOST_S, way


def test_a_limit_shorter_than_the_grace_is_no_timeout_for_what_ended():
    assert process.run(["sh", "-c", "sleep 6 &"], timeout_s=0.3).exit_status == 0


def test_the_exit_status_of_what_ended_is_kept():
    assert process.run(["sh", "-c", "sleep 6 & exit 4"], timeout_s=3).exit_status == 4


def test_the_children_are_killed_with_it(tmp_path):
    code = f"(sleep 8; echo late) & echo $! > {tmp_path}/pid; echo told; wait"
    with pytest.raises(errors.CommandTimeout) as raised:
        process.run(["sh", "-c", code], timeout_s=LIMIT_S)
    assert raised.value.output == "told"  # what was printed until then
    assert raised.value.exit_status == -9
    child = int((tmp_path / "pid").read_text())
    for _ in range(50):
        try:
            if " Z " in Path(f"/proc/{child}/stat").read_text():
                return
        except OSError:
            return
        time.sleep(0.1)
    pytest.fail("the child still runs")


def test_what_was_left_running_lives_on(tmp_path):
    code = f"(sleep 1; touch {tmp_path}/lived) & true"
    process.run(["sh", "-c", code], timeout_s=5)
    for _ in range(50):
        if (tmp_path / "lived").exists():
            return
        time.sleep(0.1)
    pytest.fail("what the program left running was killed")


def test_all_that_the_program_printed_is_read_however_slow_the_listener():
    seen = []

    def listen(line):
        time.sleep(0.001)
        seen.append(line)

    process.run(["sh", "-c", "seq 3000; sleep 20 &"], on_line=listen, timeout_s=30)
    assert seen[-1] == "3000"
