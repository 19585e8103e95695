"""Run programs: what they get and print, and the ways in which they end."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from saltk8s.base import errors, process

GENEROUS_S = 20
BIG = 3 << 20


def python(code: str) -> list[str]:
    """A program in Python."""
    return [sys.executable, "-c", f"import os, sys, time\n{code}"]


def test_what_it_printed_and_its_exit_status():
    done = process.run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_s=GENEROUS_S)
    assert done == (3, "out\n", "err\n")
    assert process.run(["sh", "-c", "kill -9 $$"], timeout_s=GENEROUS_S).exit_status == -9


def test_text_as_python_reads_text_files():
    assert process.run(["printf", r"a\r\nb\rc\n"], timeout_s=GENEROUS_S).out == "a\nb\nc\n"
    assert process.run(["printf", r"\303\266 \377"], timeout_s=GENEROUS_S).out == "ö �"


def test_environment_folder_and_secrets(tmp_path):
    done = process.run(["sh", "-c", "echo $WORD; pwd"], env={"WORD": "sesame"}, cwd=str(tmp_path), secrets=["sesame"])
    assert done.out == f"<redacted>\n{tmp_path}\n"


@pytest.mark.parametrize("size", [0, 1, BIG])
def test_input_of_any_size_comes_back(size):
    assert process.run(["cat"], stdin="ö" * size, timeout_s=GENEROUS_S).out == "ö" * size


def test_without_input_it_reads_nothing():
    assert process.run(["cat"], timeout_s=GENEROUS_S).out == ""


def test_input_and_both_outputs_at_the_same_time_do_not_block():
    code = f"sys.stdout.write('o' * {BIG}); sys.stderr.write('e' * {BIG}); sys.stdout.write(str(len(sys.stdin.read())))"
    done = process.run(python(code), stdin="i" * BIG, timeout_s=GENEROUS_S)
    assert len(done.err) == BIG and done.out[BIG:] == str(BIG)


def test_input_that_is_not_read_is_no_error():
    assert process.run(["sh", "-c", "exec <&-; echo done"], stdin="x" * BIG, timeout_s=GENEROUS_S).out == "done\n"
    assert process.run(["true"], stdin="x" * BIG, timeout_s=GENEROUS_S).exit_status == 0


def test_lines_come_while_it_runs_and_are_redacted():
    seen, begun = [], time.monotonic()
    code = "print('one sesame', flush=True); time.sleep(1); print('two', file=sys.stderr); sys.stdout.write('end')"
    done = process.run(
        python(code), on_line=lambda line: seen.append((line, time.monotonic() - begun)), secrets=["sesame"]
    )
    assert [line for line, _ in seen] == ["one <redacted>", "two", "end"]
    assert seen[1][1] - seen[0][1] > 0.5
    assert done == (0, "one <redacted>\ntwo\nend", "")


def test_of_very_many_lines_the_last_are_kept():
    seen = []
    done = process.run(["seq", "100000"], on_line=seen.append, timeout_s=GENEROUS_S)
    assert len(seen) == 100_000
    assert done.out.splitlines() == seen[-process.KEPT_LINES :]


def test_an_endless_line_does_not_grow_without_bound():
    seen = []
    process.run(python(f"sys.stdout.write('x' * {BIG})"), on_line=seen.append, timeout_s=GENEROUS_S)
    assert sum(map(len, seen)) == BIG and max(map(len, seen)) <= process.LINE_MAX + process.CHUNK


def test_an_error_of_the_listener_ends_the_program():
    def listen(line):
        raise ValueError(line)

    begun = time.monotonic()
    with pytest.raises(ValueError, match="boo"):
        process.run(["sh", "-c", "echo boo; sleep 30"], on_line=listen)
    assert time.monotonic() - begun < 5


def test_it_is_killed_when_it_prints_what_is_final():
    begun = time.monotonic()
    code = ["sh", "-c", "echo out; echo fine >&2; echo hopeless >&2; sleep 30"]
    done = process.run(code, give_up=lambda line: "hopeless" in line)
    assert done == (-9, "out\n", "fine\nhopeless")
    assert time.monotonic() - begun < 5


def test_a_program_that_cannot_be_started(tmp_path):
    with pytest.raises(errors.MissingProgram, match="no such program: none-of-that-name"):
        process.run(["none-of-that-name"])
    (tmp_path / "data").write_text("no program")
    with pytest.raises(errors.MissingProgram, match="cannot be started"):
        process.run([str(tmp_path / "data")])


def test_output_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(process, "LARGEST", 8 << 20)
    with pytest.raises(errors.CommandError, match="yes printed more than 8 MiB, and was killed"):
        process.run(["yes"], timeout_s=GENEROUS_S)


def test_no_thread_no_descriptor_and_no_zombie_stays():
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    process.run(["true"], stdin="x")
    process.run(["sh", "-c", "sleep 2 &"], timeout_s=1)
    process.run(["sh", "-c", "echo x >&2; sleep 30"], give_up=bool)
    for code in ("sleep 30", "sleep 30 & wait", "exec >&- 2>&-; sleep 30"):
        with pytest.raises(errors.CommandTimeout):
            process.run(["sh", "-c", code], timeout_s=0.2, give_up=bool)
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert not children()


def children() -> list[str]:
    """The states of this process's own children."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if words[1] == str(os.getpid()):
            found.append(words[0])
    return found
