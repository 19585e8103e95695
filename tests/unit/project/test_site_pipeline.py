"""The pipeline for a site's pillar repository: its scripts run here, against programs and a GitLab that only record."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from support import tree

FILE = tree.ROOT / "docs" / "site-pipeline" / ".gitlab-ci.yml"
PIPELINE = yaml.safe_load(FILE.read_text())
TOKEN = "glpat-not-for-anybody"
PLAN = {"local": {"empty": False, "changes": {}, "lines": ["node k8s-w3: added", "version: v1.31 -> v1.32"]}}

# a program that notes how it was called, and answers with what lies beside it
SALT_CALL = """\
#!/bin/sh
echo "$@" >> {folder}/calls
case "$*" in
  *k8s_cluster.plan*) cat {folder}/plan.json; exit "$(cat {folder}/plan.code)" ;;
  *state.apply*) echo "Succeeded: 12 (unchanged=12)" ;;
esac
"""


class GitLab(BaseHTTPRequestHandler):
    """Notes of one merge request."""

    def answer(self, body):
        self.server.seen.append((self.command, self.path, self.headers.get("PRIVATE-TOKEN")))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def body(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        return urllib.parse.parse_qs(text)["body"][0]

    def do_GET(self):
        self.answer([{"id": number, "body": body} for number, body in self.server.notes.items()])

    def do_POST(self):
        self.server.notes[100 + len(self.server.notes)] = self.body()
        self.answer({})

    def do_PUT(self):
        self.server.notes[int(self.path.rpartition("/")[2])] = self.body()
        self.answer({})

    def log_message(self, *_):
        pass


@pytest.fixture
def gitlab():
    server = ThreadingHTTPServer(("127.0.0.1", 0), GitLab)
    server.notes, server.seen = {7: "a person's comment"}, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(tmp_path, gitlab):
    """Run a job's script as a runner does, with programs of ours first in PATH."""
    if not shutil.which("curl"):
        pytest.skip("this machine has no curl")
    programs, pillar = tmp_path / "bin", tmp_path / "pillar"
    programs.mkdir()
    shutil.copytree(tree.ROOT / "pillar.example", pillar)
    check = f'#!/bin/sh\nPYTHONPATH={tree.LIBRARY.parent} exec {sys.executable} -m saltk8s check "$@"\n'
    texts = {
        "salt-call": SALT_CALL.format(folder=tmp_path),
        "sudo": '#!/bin/sh\nexec "$@"\n',
        "pip": f'#!/bin/sh\necho "$@" >> {tmp_path}/installed\n',
        "saltk8s-check": check,
    }
    for name, text in texts.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    (tmp_path / "plan.code").write_text("0")

    def start(job):
        variables = {**PIPELINE["variables"], **PIPELINE[job].get("variables", {})}
        given = {
            "CI_API_V4_URL": f"http://127.0.0.1:{gitlab.server_port}/api/v4",
            "CI_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_IID": "3",
            "CI_COMMIT_SHORT_SHA": "1a2b3c4",
            "PLAN_TOKEN": TOKEN,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "no_proxy": "127.0.0.1",
        }
        script = "\n".join(PIPELINE[job]["script"])
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=pillar,
            env={**os.environ, **variables, **given},
            capture_output=True,
            text=True,
        )

    start.folder = tmp_path
    return start


def plans(gitlab):
    return [body for body in gitlab.notes.values() if body.startswith(PIPELINE["plan"]["variables"]["MARK"])]


def test_the_plan_becomes_one_comment_that_is_renewed(run, gitlab):
    first = run("plan")
    assert first.returncode == 0, first.stderr
    (comment,) = plans(gitlab)
    assert "node k8s-w3: added\nversion: v1.31 -> v1.32" in comment and "unchanged=12" in comment
    assert "1a2b3c4" in comment and "would fail" not in comment
    (run.folder / "plan.json").write_text(json.dumps({"local": {"empty": True, "changes": {}, "lines": []}}))
    assert run("plan").returncode == 0
    (comment,) = plans(gitlab)
    assert "Nothing to do." in comment
    assert gitlab.notes[7] == "a person's comment"
    assert [method for method, _, _ in gitlab.seen] == ["GET", "POST", "GET", "PUT"]
    assert {token for _, _, token in gitlab.seen} == {TOKEN}
    assert all(path.startswith("/api/v4/projects/42/merge_requests/3/notes") for _, path, _ in gitlab.seen)
    assert TOKEN not in first.stdout + first.stderr


def test_the_plan_is_of_the_branchs_pillar(run):
    run("plan")
    calls = (run.folder / "calls").read_text().splitlines()
    assert len(calls) == 2
    for call in calls:
        assert f"--pillar-root={run.folder / 'pillar'}" in call and "--local" in call
    assert calls[1].endswith("test=True"), "nothing is applied"


def test_a_refused_plan_is_shown_and_fails_the_job(run, gitlab):
    (run.folder / "plan.json").write_text("Error running 'k8s_cluster.plan': two control plane nodes at once\n")
    (run.folder / "plan.code").write_text("1")
    assert run("plan").returncode == 1
    (comment,) = plans(gitlab)
    assert "It would fail" in comment and "two control plane nodes at once" in comment


def test_a_gitlab_that_refuses_fails_the_job(run, gitlab):
    gitlab.RequestHandlerClass = type("Refusing", (GitLab,), {"do_GET": lambda self: self.send_error(401)})
    done = run("plan")
    assert done.returncode != 0 and TOKEN not in done.stdout + done.stderr


def test_the_check_finds_what_is_wrong(run):
    """The example is copied and not edited: its placeholders are problems."""
    done = run("check")
    assert done.returncode == 1 and "CHANGE-ME" in done.stdout, done.stdout + done.stderr
    assert "saltk8s @ " in (run.folder / "installed").read_text()


def test_only_branches_of_the_project_itself_reach_the_admin():
    (rule,) = PIPELINE["plan"]["rules"]
    assert rule == {"if": "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID"}
    assert "rules" not in PIPELINE["check"]
