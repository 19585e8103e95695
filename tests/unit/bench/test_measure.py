"""Time and memory of a process tree."""

from __future__ import annotations

import os
import subprocess
import sys

from bench import measure

CHILD = "import subprocess, sys; held = bytearray(60 << 20); subprocess.run([sys.executable, '-c', sys.argv[1]])"


GRANDCHILD = (
    "import time; held = bytearray(80 << 20); end = time.process_time() + 0.3\n"
    "while time.process_time() < end: pass\n"
    "time.sleep(0.3); print('done')"
)


def test_memory_and_cpu_time_are_those_of_the_whole_process_tree(tmp_path):
    done = measure.run([sys.executable, "-c", CHILD, GRANDCHILD], os.environ, tmp_path, 60)
    assert (done.code, done.out, done.err) == (0, "done\n", "")
    assert 140 < done.peak_mib < 200, "60 MiB of the program and 80 MiB of its child, and not counted twice"
    assert abs(sum(done.parts.values()) - done.peak_mib) < 1
    assert done.cpu_s >= 0.3
    assert done.wall_s >= 0.6


def test_a_program_is_killed_at_the_timeout(tmp_path):
    done = measure.run([sys.executable, "-c", "import time; time.sleep(600)"], os.environ, tmp_path, 0.5)
    assert done.code is None
    assert done.wall_s < 600


def test_a_program_is_killed_with_its_descendants():
    child = "import time; print('runs', flush=True); time.sleep(600)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], start_new_session=True)"
    top = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert top.stdout.readline() == "runs\n"
    measure.kill(top.pid)
    assert top.wait(60) != 0
    assert top.stdout.read() == "", "the pipe closes when the last of them has exited"
