"""The benchmark's own parts: what it measures with, what it counts, what it keeps."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections import Counter

import pytest
from bench import audit, manifests, measure, objects, peers, table
from bench import run as command
from bench.manifests import CHANGE, Manifest
from support import tree, venv

OWN = """\
# mine
---
apiVersion: v1
kind: Namespace
metadata: {name: declared}
---
---
apiVersion: apps/v1   # a comment that stays
kind: Deployment
metadata: {name: web, namespace: elsewhere}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: one, namespace: declared}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: two, annotations: {a: b}}, data: {text: "--- no\\n"}}
"""


@pytest.mark.parametrize("count", [1, 41, 410, 5000])
def test_the_generator_makes_as_many_objects_as_asked_the_same_each_time(count):
    made = manifests.generate(count)
    keys = {(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]) for obj in made}
    assert len(made) == len(keys) == count
    assert made == manifests.generate(count)


def test_it_makes_nine_kinds_in_namespaces_of_their_own():
    made = manifests.generate(410)
    kinds = Counter(obj["kind"] for obj in made)
    assert kinds.pop("Namespace") == 10
    assert len(kinds) == 8 and set(kinds.values()) == {50}
    assert Manifest(manifests.text_of(made)).undeclared_namespaces == set()
    assert Manifest(manifests.text_of(made)).objects == made


def test_a_file_of_ones_own_is_taken_to_the_letter():
    own = Manifest(OWN)
    assert own.text == OWN
    assert [obj["kind"] for obj in own.objects] == ["Namespace", "Deployment", "Secret", "ConfigMap"]
    assert own.undeclared_namespaces == {"elsewhere"}


def test_one_change_is_one_annotation_of_one_object():
    own = Manifest(OWN)
    changed = Manifest(own.changed_text("7"))
    differing = [new for old, new in zip(own.objects, changed.objects, strict=True) if old != new]
    assert [obj["metadata"] for obj in differing] == [{"name": "two", "annotations": {"a": "b", CHANGE: "7"}}]
    assert changed.text.startswith(OWN[: OWN.index("---\napiVersion: v1\nkind: List")])
    assert own.text == OWN


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "no objects"),
        ("a: 1\n", "no kind"),
        ("- 1\n", "no object"),
        ("{apiVersion: v1, kind: Pod}\n", "without a name"),
        ("{", "flow node"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, text, says):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        Manifest.read(path)
    assert command.main(["--manifests", str(path)]) == 2


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


def test_a_program_that_takes_too_long_is_ended(tmp_path):
    done = measure.run([sys.executable, "-c", "import time; time.sleep(600)"], os.environ, tmp_path, 0.5)
    assert done.code is None
    assert done.wall_s < 600


def test_a_program_is_ended_with_what_it_started():
    child = "import time; print('runs', flush=True); time.sleep(600)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], start_new_session=True)"
    top = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert top.stdout.readline() == "runs\n"
    measure.kill(top.pid)
    assert top.wait(60) != 0
    assert top.stdout.read() == "", "the pipe ends when the last of them has ended"


def event(verb: str, uri: str, agent: str = "kubectl/v1.32.6", **more) -> str:
    return json.dumps({"stage": "ResponseComplete", "verb": verb, "requestURI": uri, "userAgent": agent, **more})


def test_requests_are_counted_by_what_they_do():
    lines = [
        event("list", "/api/v1/configmaps?limit=500", objectRef={}),
        event("get", "/apis"),
        event("get", "/api/v1/namespaces/a", objectRef={}),
        event("patch", "/api/v1/namespaces/a?fieldManager=x", objectRef={}),
        event("patch", "/api/v1/namespaces/a?dryRun=All&fieldManager=x", objectRef={}),
        event("create", "/api/v1/namespaces", agent="OpenAPI-Generator/37.0.2/python", objectRef={}),
        event("delete", "/api/v1/namespaces/a", agent=audit.AGENT, objectRef={}),
    ]
    assert audit.counted(lines) == {"requests": 6, "writes": 2, "dry_runs": 1, "lists": 1, "gets": 1}


def test_the_audit_log_is_one_stream_over_all_its_files(tmp_path):
    log = audit.AuditLog(tmp_path)
    current = tmp_path / "audit.log"
    current.write_text("first\nmarker-1\n")
    begin = log.end("marker-1")
    with current.open("a") as more:
        more.write("second\n")
    current.rename(tmp_path / "audit-2026-01-01T00-00-00.000.log")
    current.write_text("third\nmarker-2\nlater\n")
    end = log.end("marker-2")
    assert log.between(begin, end) == ["second", "third", "marker-2", "later"]


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


def test_every_tool_that_reads_has_one_that_writes_before_it():
    writers = set(peers.RUN) - set(peers.READERS)
    assert set(peers.READERS.values()) <= writers
    assert set(peers.READERS) <= set(peers.RUN)


def test_the_command_line_says_what_is_measured():
    assert command.parsed([]).sizes == [410, 5000]
    assert command.parsed([]).cases == list(objects.CASES)
    assert command.parsed(["--quick"]).sizes == [410]
    assert command.parsed(["--quick", "--sizes", "20"]).sizes == [20]
    assert command.parsed(["--tools", "kubectl-ssa,saltk8s"]).tools == ["kubectl-ssa", "saltk8s"]
    with pytest.raises(SystemExit):
        command.parsed(["--cases", "noop,none"])
    with pytest.raises(SystemExit):
        command.parsed(["--sizes", "0"])


def test_the_peer_has_an_environment_of_its_own():
    pinned = (tree.ROOT / "requirements" / "constraints-bench.txt").read_text().splitlines()
    wanted = (tree.ROOT / "requirements" / "bench.txt").read_text().splitlines()
    assert {line for line in wanted if "==" in line} <= set(pinned)
    assert venv.BENCH not in venv.LINES
    others = [path for path in (tree.ROOT / "requirements").iterdir() if "bench" not in path.name]
    assert others and not any("saltext.kubernetes" in path.read_text() for path in others)


def test_make_bench_takes_a_file_of_ones_own():
    words = ["make", "-s", "-n", "bench", "MANIFESTS=my file.yaml", "ARGS=--quick"]
    shown = subprocess.run(words, cwd=tree.ROOT, capture_output=True, text=True, check=True).stdout
    assert "tests/bench/run.py --manifests 'my file.yaml' --quick" in shown
