"""The rows of a run: kept as data after each one, printed as a table and as ratios at the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

OURS = "saltk8s"
LISTS = "bare-lists"
BEFORE = "saltk8s-before"
AGAINST_LISTS, ONE_CHANGED, PEAK_MIB = 1.3, 1.2, 200
COLUMNS = {
    "case": "case",
    "objects": "objects",
    "tool": "tool",
    "wall_s": "wall s",
    "cpu_s": "CPU s",
    "peak_mib": "peak MiB",
    "requests": "requests",
    "lists": "lists",
    "dry_runs": "dry runs",
    "writes": "writes",
    "changed": "says changed",
}
DIGITS = {"wall_s": 2, "cpu_s": 2, "peak_mib": 0}
KEPT_DIGITS = 3


class Report:
    """Rows, each a dict with ``case`` and ``tool``; a key that does not apply is left out.

    path: where they are written, as a JSON list, after every row: a run that is interrupted keeps what it has.
    """

    def __init__(self, path: Path, out=None):
        self.path = path
        self.out = out or sys.stdout
        self.rows: list[dict[str, Any]] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write()

    def begin(self, case: str, tool: str, objects: int) -> None:
        """Announce a measurement."""
        self.say(f"{_name(case, tool, objects)}  ...")

    def add(self, case: str, tool: str, **more: Any) -> None:
        """Keep a row and show it."""
        row = {"case": case, "tool": tool}
        row |= {key: round(value, KEPT_DIGITS) if isinstance(value, float) else value for key, value in more.items()}
        self.rows.append(row)
        self._write()
        shown = [f"{title} {_cell(row, key)}" for key, title in COLUMNS.items() if key in more and key != "objects"]
        error = [f"FAILED: {' '.join(row['error'].split())[:200]}"] if "error" in row else []
        self.say(f"{_name(case, tool, row.get('objects'))}  {', '.join(shown + error)}")

    def say(self, text: str) -> None:
        """Print a line immediately."""
        print(text, file=self.out, flush=True)

    def _write(self) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.rows, indent=1) + "\n")
        new.replace(self.path)


def _name(case: str, tool: str, objects: int | None) -> str:
    return f"{case:26} {objects if objects is not None else '':>5} {tool:18}"


def _cell(row: dict[str, Any], key: str) -> str:
    if key not in row:
        return f"failed: {' '.join(row['error'].split())[:60]}" if key == "wall_s" and "error" in row else ""
    digits = DIGITS.get(key)
    return f"{row[key]:.{digits}f}" if digits is not None else str(row[key])


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as a Markdown table that reads well as text, too; columns that no row has are left out."""
    rows = list(rows)
    keys = [key for key in COLUMNS if any(key in row for row in rows)]
    cells = [[COLUMNS[key] for key in keys], *([_cell(row, key).replace("|", "/") for key in keys] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(keys))]
    left = [key in ("case", "tool") for key in keys]
    cells.insert(1, ["-" * width if left[at] else "-" * (width - 1) + ":" for at, width in enumerate(widths)])
    lines = []
    for line in cells:
        lines.append([text.ljust(widths[at]) if left[at] else text.rjust(widths[at]) for at, text in enumerate(line)])
    notes = [f"{row['case']}, {row['tool']}: {row['note']}" for row in rows if "note" in row]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), *dict.fromkeys(f"\n{note}" for note in notes)])


def ratios(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Wall time of every other tool over ours, for each case and size; and ours, largest size over smallest."""
    wall = {(row["case"], row.get("objects"), row["tool"]): row["wall_s"] for row in rows if row.get("wall_s")}
    lines = []
    for (case, objects, tool), seconds in wall.items():
        mine = wall.get((case, objects, OURS))
        if tool != OURS and not tool.startswith(f"{OURS}-") and mine:
            size = f" {objects} objects" if objects else ""
            lines.append(f"{case}{size}: {tool} / {OURS} = {seconds / mine:.1f}")
    for case in dict.fromkeys(case for case, _, _ in wall):
        sizes = sorted(objects for one, objects, tool in wall if one == case and tool == OURS and objects)
        if len(sizes) > 1:
            ratio = wall[case, sizes[-1], OURS] / wall[case, sizes[0], OURS]
            lines.append(f"{case}: {OURS} {sizes[-1]} / {sizes[0]} objects = {ratio:.1f}")
    return lines


def bars(rows: Iterable[dict[str, Any]]) -> list[str]:
    """What the objects' runs have to hold to, with what they took: CPU time of all processes, memory."""
    found = {(row["case"], row.get("objects"), row["tool"]): row for row in rows if "cpu_s" in row and "objects" in row}
    lines = []
    for case, objects, tool in found:
        mine = found[case, objects, tool]
        lists, unchanged = found.get((case, objects, LISTS)), found.get(("noop", objects, tool))
        if tool not in (OURS, BEFORE):
            continue
        if case == "noop" and lists:
            lines.append(_bar(f"{tool}, {objects} unchanged / {LISTS}", mine, lists, AGAINST_LISTS))
        if case == "one_changed" and unchanged:
            lines.append(_bar(f"{tool}, one of {objects} changed / unchanged", mine, unchanged, ONE_CHANGED))
        if case == "noop":
            within = f", at most {PEAK_MIB}" if objects >= 5000 else ""
            lines.append(f"{tool}, {objects} unchanged: peak {mine['peak_mib']:.0f} MiB{within}")
    return lines


def _bar(what: str, row: dict[str, Any], other: dict[str, Any], most: float) -> str:
    ratios = {key: row[key] / other[key] for key in ("cpu_s", "wall_s")}
    return f"{what}: CPU {ratios['cpu_s']:.2f}, at most {most} (wall {ratios['wall_s']:.2f})"
