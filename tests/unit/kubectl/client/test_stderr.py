"""kubectl's standard error, recognised."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from saltk8s.kubectl.client import answers, stderr
from tests.support.kubectl import CASES, cases


@pytest.mark.parametrize("case", cases("stderr"), ids=lambda case: f"{case['type']}: {case['stderr'][:60]}")
def test_each_text_is_its_error(case):
    err = stderr.translate(case["stderr"], case.get("exit_status", 1), "thing")
    assert type(err).__name__ == case["type"], repr(err)
    assert case.get("text", "") in str(err)
    assert not re.search(r"goroutine|memcache|^E\d{4}|\?timeout=\d+s\": context", str(err))
    assert err.details() == {"error": err.code} | err.details() | case.get("details", {})
    assert getattr(err, "field", "") == case.get("field", "")
    assert getattr(err, "manager", "") == case.get("manager", "")


PAGE = (
    "faults",
    "faults_client",
    "limits",
    "schemas",
    "sets",
    "enabling",
    "replace",
    "choices",
    "dead_webhook",
    "versions",
    "handover",
    "shared_namespaces",
)  # tests that assert what it says


def test_the_page_about_faults_has_texts_that_are_printed():
    tests, docs = CASES.parents[1], CASES.parents[2] / "docs"
    rows = re.findall(r"^\| `(.+?)` \| ([a-z ]+) \|", (docs / "faults.md").read_text(), re.M)
    seen = [stderr.translate(case["stderr"], case.get("exit_status", 1), "thing") for case in cases("stderr")]
    asserted = [tests / "functional" / "kubectl" / f"test_{name}.py" for name in PAGE]
    rooms = Path(__file__).parents[1]
    asserted.append(rooms / "client" / "test_kubeconfig.py")
    asserted += [rooms / "manifests" / f"test_{name}.py" for name in ("documents", "sources")]
    asserted += [CASES / "manifests.yaml", *(tests / "functional" / "kubectl" / "health").glob("test_*.py")]
    asserted += (tests / "functional" / "engine" / "rke").glob("test_e*.py")
    engine = ("test_fault_matrix", *(f"rke/test_{name}" for name in ("followed", "state_files", "real_faults")))
    asserted += [tests / "functional" / "engine" / f"{name}.py" for name in engine]
    asserted += [tests / "unit" / "engine" / name for name in ("test_running.py", "rke/test_turns.py")]
    asserted.append(tests / "unit" / "base" / "test_files.py")
    printed = "\n".join([*map(str, seen), *(path.read_text() for path in asserted)])
    assert [text for text, _ in rows if text not in printed] == []
    assert {err.code for err in seen} - {"not found"} <= {code for _, code in rows}


def test_an_error_about_many_objects_stays_short():
    text = "\n".join(f"Error from server (InternalError): object {number} and more" for number in range(500))
    shown = str(stderr.translate(text, 1, "thing")).splitlines()
    assert len(shown) == answers.MOST_LINES + 1 and shown[-1] == "and 490 lines more"
