"""Progress lines and their times."""

from __future__ import annotations

import io
import json

import pytest
from labkit import config, steps


def test_steps_print_a_line_each_and_keep_their_times(cache):
    out = io.StringIO()
    run = steps.Steps(out)
    with run.step("images") as note:
        note.append("up to date")
    with pytest.raises(ValueError, match="boom"), run.step("machines"):
        raise ValueError("boom")
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("s  images: up to date")
    assert lines[1].endswith("s  FAILED: machines")
    run.save("lab warm")
    run.save("lab cold")
    kept = json.loads((config.ROOT / "build" / "lab-times.json").read_text())
    assert kept.keys() == {"lab warm", "lab cold"}
    assert [(step["step"], step["failed"]) for step in kept["lab warm"]["steps"]] == [
        ("images", False),
        ("machines", True),
    ]
