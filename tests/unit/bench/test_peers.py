"""The tools that are compared, and the environment of the one that needs its own."""

from __future__ import annotations

from bench import peers
from support import tree, venv


def test_every_tool_that_reads_has_a_writer():
    writers = set(peers.RUN) - set(peers.READERS)
    assert set(peers.READERS.values()) <= writers
    assert set(peers.READERS) <= set(peers.RUN)


def test_the_peer_has_an_environment_of_its_own():
    pinned = (tree.ROOT / "requirements" / "constraints-bench.txt").read_text().splitlines()
    wanted = (tree.ROOT / "requirements" / "bench.txt").read_text().splitlines()
    assert {line for line in wanted if "==" in line} <= set(pinned)
    assert venv.BENCH not in venv.LINES
    others = [path for path in (tree.ROOT / "requirements").iterdir() if "bench" not in path.name]
    assert others and not any("saltext.kubernetes" in path.read_text() for path in others)
