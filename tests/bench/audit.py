"""What the tools asked the API server: its audit log between two moments, counted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path

WRITES = {"create", "update", "patch", "delete", "deletecollection"}
AGENT = "saltk8s-bench"  # our own requests, which are not counted
WAIT_S = 60


def counted(lines: Iterable[str]) -> dict[str, int]:
    """Count requests: all, those that write, dry runs of writes, lists, reads of one object."""
    found = {"requests": 0, "writes": 0, "dry_runs": 0, "lists": 0, "gets": 0}
    for line in lines:
        event = json.loads(line)
        if event.get("userAgent", "").startswith(AGENT) or event.get("stage") == "ResponseStarted":
            continue
        dry, verb = "dryRun=All" in event["requestURI"], event["verb"]
        found["requests"] += 1
        found["writes"] += verb in WRITES and not dry
        found["dry_runs"] += verb in WRITES and dry
        found["lists"] += verb == "list"
        found["gets"] += verb == "get" and "objectRef" in event
    return found


class AuditLog:
    """The log as one stream, though the API server begins a new file after each 100 MB."""

    def __init__(self, folder: Path):
        self._folder = folder

    def end(self, marker: str) -> int:
        """Return the position after the line that holds ``marker``; a request's line follows its answer."""
        deadline, size = time.monotonic() + WAIT_S, 0
        tail = 1024 * 1024  # the marker was the last thing asked
        while time.monotonic() < deadline:
            size = sum(path.stat().st_size for path in self._files())
            text = self._read(max(0, size - tail))
            if marker in text and text.endswith("\n"):
                return size - tail + len(text) if size > tail else len(text)
            time.sleep(0.02)
        raise TimeoutError(f"timed out after {WAIT_S} s: {marker} not found in the audit log of {size} bytes")

    def between(self, begin: int, end: int) -> list[str]:
        """Return the lines between two positions."""
        return self._read(begin)[: end - begin].splitlines()

    def _files(self) -> list[Path]:
        """All of the log's files, the oldest first: the others have the time of their end in their names."""
        return [*sorted(self._folder.glob("audit-*.log")), self._folder / "audit.log"]

    def _read(self, begin: int) -> str:
        """Return everything after a position. The log is ASCII: positions are lengths."""
        parts = []
        for path in self._files():
            size = path.stat().st_size
            if size > begin:
                with path.open("rb") as log:
                    log.seek(max(0, begin))
                    parts.append(log.read().decode("ascii", errors="replace"))
            begin = max(0, begin - size)
        return "".join(parts)
