"""The report: rows, table, ratios."""

from __future__ import annotations

import io
import json

from bench import table


def test_what_was_measured_is_kept_after_each_row(tmp_path):
    shown = io.StringIO()
    report = table.Report(tmp_path / "build" / "bench.json", shown)
    assert json.loads(report.path.read_text()) == []
    report.add("noop", "saltk8s", objects=410, wall_s=0.51234, writes=0)
    assert json.loads(report.path.read_text()) == [
        {"case": "noop", "tool": "saltk8s", "objects": 410, "wall_s": 0.512, "writes": 0}
    ]
    report.add("noop", "kubectl-diff", objects=410, error="it\nfailed")
    assert [row.get("error") for row in json.loads(report.path.read_text())] == [None, "it\nfailed"]
    assert "wall s 0.51, writes 0" in shown.getvalue() and "FAILED: it failed" in shown.getvalue()


def test_the_table_has_no_figure_for_a_tool_that_failed():
    rows = [
        {"case": "noop", "tool": "saltk8s", "objects": 410, "wall_s": 0.5, "note": "easier"},
        {"case": "noop", "tool": "kubectl-diff", "objects": 410, "error": "a | b"},
    ]
    lines = table.table(rows).splitlines()
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == ["case", "objects", "tool", "wall s"]
    assert [cell.strip() for cell in lines[3].strip("|").split("|")][-1] == "failed: a / b"
    assert lines[-1] == "noop, saltk8s: easier"


def test_ratios_are_of_the_same_case_and_size():
    def row(case, tool, size, seconds):
        return {"case": case, "tool": tool, "objects": size, "wall_s": seconds}

    rows = [
        row("noop", "saltk8s", 410, 0.5),
        row("noop", "kubectl-ssa", 410, 6.0),
        row("noop", "saltk8s-test", 410, 1.0),
        row("noop", "saltk8s", 5000, 3.0),
        row("all_new", "kubectl-ssa", 410, 9.0),
        {"case": "noop", "tool": "kubectl-diff", "objects": 410, "error": "no"},
    ]
    assert table.ratios(rows) == [
        "noop 410 objects: kubectl-ssa / saltk8s = 12.0",
        "noop: saltk8s 5000 / 410 objects = 6.0",
    ]


def test_the_bars_are_shown_with_what_was_measured():
    def row(case, tool, cpu_s):
        return {"case": case, "tool": tool, "objects": 5000, "cpu_s": cpu_s, "wall_s": 2 * cpu_s, "peak_mib": 130.0}

    rows = [row("noop", "saltk8s", 1.2), row("noop", "bare-lists", 1.0), row("one_changed", "saltk8s", 1.5)]
    assert table.bars(rows) == [
        "saltk8s, 5000 unchanged / bare-lists: CPU 1.20, at most 1.3 (wall 1.20)",
        "saltk8s, 5000 unchanged: peak 130 MiB, at most 200",
        "saltk8s, one of 5000 changed / unchanged: CPU 1.25, at most 1.2 (wall 1.25)",
    ]
