"""Progress: one line a step with its time; the times are kept for the benchmark."""

from __future__ import annotations

import contextlib
import json
import sys
import time

from labkit import config


class Steps:
    """The steps of one run, in order, with the seconds each took."""

    def __init__(self, out=None):
        self.out = out or sys.stdout
        self.started = time.monotonic()
        self.times: list[dict] = []

    def say(self, text: str) -> None:
        """Print a line that is not a step."""
        print(text, file=self.out, flush=True)

    @contextlib.contextmanager
    def step(self, title: str):
        """Time a block; print its line at its end. ``note.append(text)`` adds to the line."""
        note: list[str] = []
        begin = time.monotonic()
        if self.out.isatty():
            print(f"       … {title}", end="\r", file=self.out, flush=True)
        failed = True
        try:
            yield note
            failed = False
        finally:
            seconds = time.monotonic() - begin
            text = f"{'FAILED: ' if failed else ''}{title}{': ' if note else ''}{', '.join(note)}"
            print(f"{seconds:6.1f} s  {text}", file=self.out, flush=True)
            self.times.append({"step": title, "wall_s": round(seconds, 2), "failed": failed})

    def total(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.started

    def save(self, case: str) -> None:
        """Keep the times of this run in ``build/lab-times.json``, one entry a case, the newest run of each."""
        path = config.ROOT / "build" / "lab-times.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            known = json.loads(path.read_text())
        except (OSError, ValueError):
            known = {}
        known[case] = {"wall_s": round(self.total(), 2), "steps": self.times}
        path.write_text(json.dumps(known, indent=2) + "\n")
