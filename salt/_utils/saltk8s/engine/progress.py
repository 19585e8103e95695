"""What an engine's program prints while it runs: as lines of the log, and as a bounded number of events."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

EVENT_EVERY_S = 5  # of one phase: its first line at once, then not more often
SHOWN_CHARACTERS = 500
_ERRORS = ("error", "fatal", "panic")


class Line(NamedTuple):
    """One line of output. level: ``info``, ``warning`` ...; message: its text; phase: None when it names none."""

    level: str
    message: str
    phase: str | None


class Progress:
    """Logs the lines of one run, and sends an event when a phase begins and every few seconds."""

    def __init__(
        self, program: str, log: Callable[[int, str], None], event: Callable[[str, dict[str, Any]], None]
    ) -> None:
        """program: its name, in front of every log line; log, event: see Hooks."""
        self._program, self._log, self._event = program, log, event
        self._start = self._last_event = time.monotonic()
        self.phase = "start"

    @property
    def seconds(self) -> float:
        """Return how long it has been running."""
        return time.monotonic() - self._start

    def line(self, line: Line) -> None:
        """Take one line: log it, a warning or an error as such; send it when it is time for an event."""
        level = logging.WARNING if line.level in ("warning", *_ERRORS) else logging.INFO
        self._log(level, f"{self._program}: {line.level}: {line.message}")
        now = time.monotonic()
        begins = line.phase is not None and line.phase != self.phase
        self.phase = line.phase or self.phase
        if begins or line.level in _ERRORS or now - self._last_event >= EVENT_EVERY_S:
            self._last_event = now
            self.send(self.phase, {"line": line.message[:SHOWN_CHARACTERS], "level": line.level})

    def send(self, phase: str, data: dict[str, Any]) -> None:
        """Send one event with the seconds since the beginning."""
        self._event(phase, {**data, "seconds": round(self.seconds, 1)})
