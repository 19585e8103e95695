"""The CIS benchmark for rke by the real kube-bench: its figures and each remaining check are in docs/security.md."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest
from conftest import ROOT, container_of

sys.path.insert(0, str(ROOT / "lab"))
from labkit import gobuild, programs  # noqa: E402

PROFILE = "rke-cis-1.7"
TARGETS = {"k8s-cp1": "master,etcd,controlplane,node", "k8s-w1": "node"}
PLACE = "/opt/kube-bench"
# A program that the profile takes for given: whether all files of a folder are root's.
OWNERS = """#!/bin/sh
test -z "$(find "$1/" ! -user root -o ! -group root)" && echo true || echo false
"""
ROW = re.compile(r"^\| (\d+(?:\.\d+)+) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def archive():
    """kube-bench and its profiles, as a tar archive."""
    program = programs.BY_NAME["kube-bench"]
    path, _ = gobuild.build(program, gobuild.go_version())
    with tempfile.TemporaryDirectory() as work:
        profiles = gobuild.source_of(program, Path(work)) / "cfg"
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        tar.add(path, "kube-bench")
        tar.add(profiles / "config.yaml", "cfg/config.yaml")
        tar.add(profiles / PROFILE, f"cfg/{PROFILE}")
        script = tarfile.TarInfo("bin/check_files_owner_in_dir.sh")
        script.size, script.mode = len(OWNERS), 0o755
        tar.addfile(script, io.BytesIO(OWNERS.encode()))
    return made.getvalue()


def checks(lab, archive: bytes, node: str) -> dict[str, str]:
    """Run kube-bench on a node; return id of the check -> PASS, FAIL, WARN or INFO."""
    container = container_of(node)
    # the profile looks for the node's files below /node, as if it ran in a container
    lab.ssh(node, f"mkdir -p {PLACE} && ln -sfn / /node")
    subprocess.run(["docker", "cp", "-", f"{container}:{PLACE}"], input=archive, check=True, capture_output=True)
    try:
        words = f"--config-dir {PLACE}/cfg --benchmark {PROFILE} --targets {TARGETS[node]} --json"
        answer = json.loads(lab.ssh(node, f"PATH=$PATH:{PLACE}/bin {PLACE}/kube-bench run {words}"))
    finally:
        lab.ssh(node, f"rm -r {PLACE} /node")
    found = {}
    for control in answer["Controls"]:
        for group in control["tests"]:
            found |= {one["test_number"]: one["status"] for one in group["results"]}
    return found


@pytest.mark.parametrize("node", TARGETS)
def test_what_remains_is_explained(lab, archive, node):
    found = checks(lab, archive, node)
    counts = {status: list(found.values()).count(status) for status in ("PASS", "FAIL", "WARN")}
    section = (ROOT / "docs" / "security.md").read_text().split("## CIS benchmark")[1].split("\n## ")[0]
    explained = set(ROW.findall(section))
    remaining = {name for name, status in found.items() if status in ("FAIL", "WARN")}
    assert remaining <= explained, f"{node}: {counts}; not explained: {sorted(remaining - explained)}"
    told = f"| `{node}` | {counts['PASS']} | {counts['FAIL']} | {counts['WARN']} |"
    assert told in section, f"{counts}"
