"""What a minion applies by itself, what it remembers, and what a lost pillar is: on a minion without a master."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest
from salt.exceptions import CommandExecutionError
from tests.support import pillars
from tests.support.salt import changed, failed, write_pillar

ADMIN, WORKER = "k8s-admin.osug.example", "k8s-w1"
HARMLESS = {"k8s_host.stopped", "k8s_host.left_alone", "k8s_gitops.role_forgotten", "k8s_gitops.scheduled"}
SITE = """
a file of the site:
  file.managed:
    - name: {{ opts.saltk8s_root }}/live
    - contents_pillar: site
"""


def tree(minion_id: str, **over) -> dict:
    return {"k8s": pillars.merge(pillars.full() if minion_id == ADMIN else pillars.public(), over)}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def made(loaders, root, tmp_path):
    """Make the same minion with a pillar; it applies a state of the site's, and nothing of the platform."""
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots" / "site.sls").write_text(SITE)

    def make(minion_id=WORKER, pillar=None, **over):
        over = {"gitops": {"states": ["site"]}} | over
        pillar = tree(minion_id, **over) | {"site": "one"} if pillar is None else pillar
        opts = {"saltk8s_root": str(root), "__cli": "salt-minion"}  # salt-call would keep the pillar that it has
        return loaders(minion_id, pillar=pillar, file_roots=[tmp_path / "roots"], **opts)

    return make


def pushed(minion, pillar: dict) -> None:
    """Change the files of the pillar; the minion's memory has the old one."""
    write_pillar(Path(minion.opts["pillar_roots"]["base"][0]), pillar)


def remembered(minion, **kwargs):
    return minion.state("k8s_gitops.role_remembered", "it", **kwargs)


def state_k8s(minion, test=False):
    """Apply `k8s` where it must do nothing."""
    functions = {f"{chunk['state']}.{chunk['fun']}" for chunk in minion.low("k8s")}
    assert functions <= {
        "k8s_host.stopped",
        "k8s_host.left_alone",
        "k8s_gitops.role_forgotten",
        "k8s_gitops.scheduled",
    }, functions
    return minion.apply("k8s", test=test)


@pytest.mark.parametrize(("minion_id", "words"), [(WORKER, "node of the cluster osug"), (ADMIN, "admin and cloud of")])
def test_the_role_is_remembered_once(made, root, minion_id, words):
    minion, file = made(minion_id), root / "var/lib/saltk8s/minion.json"
    foretold = remembered(minion, test=True)
    assert foretold["result"] is None and words in foretold["changes"]["role"]["new"] and not file.exists()
    assert remembered(minion)["changes"] == foretold["changes"]
    assert file.stat().st_mode & 0o777 == 0o600
    for test in (True, False):
        assert (remembered(minion, test=test)["result"], remembered(minion, test=test)["changes"]) == (True, {})


LOST = {
    "empty": {},
    "of another cluster": {"k8s": pillars.merge(pillars.public(), {"cluster": {"name": "two"}})},
}


@pytest.mark.parametrize(("minion_id", "case"), [(WORKER, "empty"), (ADMIN, "of another cluster")])
def test_a_lost_pillar_is_a_failure(made, case, minion_id):
    remembered(made(minion_id))
    pillar = json.loads(json.dumps(LOST[case]))
    if "k8s" in pillar:
        pillar["k8s"]["nodes"].pop(minion_id, None)
        pillar["k8s"]["cluster"]["admin"] = "another-admin"
    minion = made(minion_id, pillar=pillar)
    for test in (True, False):
        states = state_k8s(minion, test)
        assert list(states) == ["k8s"] == list(failed(states))
        assert "Nothing was done." in states["k8s"]["comment"]
        assert f"salt {minion_id} k8s_gitops.forget_role" in states["k8s"]["comment"]
    minion.call("k8s_gitops.forget_role")
    assert failed(state_k8s(minion)) == {}


def test_a_node_that_left_forgets_its_role(made):
    remembered(made())
    without = tree(WORKER)
    without["k8s"]["nodes"].pop(WORKER)
    minion = made(pillar=without)
    foretold = state_k8s(minion, test=True)
    assert foretold["k8s-gitops-role"]["result"] is None and failed(foretold) == {}
    assert list(changed(state_k8s(minion))) == ["k8s-gitops-role"]
    assert changed(state_k8s(minion)) == {}
    assert failed(state_k8s(made(pillar={}))) == {}, "then it needs no pillar"


def test_an_admin_is_not_left_alone_because_another_is_named(made):
    remembered(made(ADMIN))
    other = tree(ADMIN, cluster={"admin": "k8s-admin2"}, cloud={"minion": "k8s-admin2"})
    states = state_k8s(made(ADMIN, pillar=other))
    assert "names k8s-admin2 as the admin" in failed(states)["k8s"]


def apply(minion, **kwargs):
    return minion.call("k8s_gitops.apply", **kwargs)


def test_what_is_new_is_applied_once(made, root):
    minion = made()
    first = apply(minion)
    assert first["applied"] and first["why"] == "nothing was applied by itself before"
    assert (first["ok"], first["change"], first["failure"]) == (0, 1, 0) and first["changed"] == ["a file of the site"]
    assert (root / "live").read_text() == "one\n"
    assert apply(minion) == {"applied": False, "why": "nothing new"}
    pushed(minion, tree(WORKER, gitops={"states": ["site"]}) | {"site": "two"})
    assert apply(minion)["why"] == "the pillar changed"
    assert (root / "live").read_text() == "two\n"
    again = apply(minion, force=True)
    assert (again["applied"], again["why"], again["change"]) == (True, "asked for", 0)


def test_a_failure_is_told_and_not_tried_at_once(made, root):
    minion = made()
    (root / "live").mkdir()
    found = apply(minion)
    assert (found["failure"], list(found["failed"])) == (1, ["a file of the site"])
    assert minion.call("k8s_gitops.status")["last"]["ok"] is False
    assert apply(minion)["why"] == "nothing new"


@pytest.mark.parametrize("broken", ["#!yaml\na: [\n", "{% bad %}\n"])
def test_a_pillar_that_cannot_be_rendered_changes_nothing(made, root, tmp_path, broken):
    minion = made()
    apply(minion)
    (Path(minion.opts["pillar_roots"]["base"][0]) / "data.sls").write_text(broken)
    with pytest.raises(CommandExecutionError, match="could not be rendered, nothing was done"):
        minion.call("k8s_gitops.apply", force=True)
    assert (root / "live").read_text() == "one\n"


def test_a_bad_pillar_is_told_in_test_mode(made, monkeypatch):
    """Its run reads the pillar again: put right meanwhile, it would be applied with all of `k8s`."""
    minion = made()
    apply(minion)
    ran = []

    def states(wanted, test=False):
        ran.append((wanted, test))
        return {"k8s": {"result": False, "changes": {}, "comment": "no"}}

    monkeypatch.setitem(minion.modules["k8s_gitops.apply"].func.__globals__, "_states", states)
    pushed(minion, {"k8s": {"cluster": {"name": "Not A Name"}}})
    assert apply(minion)["failure"] == 1
    pushed(minion, tree(WORKER, gitops={"states": ["site"]}) | {"site": "two"})
    apply(minion)
    assert ran == [(["k8s"], True), (["site"], False)]


def test_a_pause_ends_by_itself(made, root):
    minion = made()
    text = minion.call("k8s_gitops.pause", "new disks", hours=1, who="alice")
    assert text.startswith("paused by alice until ") and text.endswith(" UTC: new disks")
    for force in (False, True):
        assert minion.call("k8s_gitops.apply", force=force) == {"applied": False, "why": text}
    assert not (root / "live").exists()
    assert minion.call("k8s_gitops.status")["paused"] == text
    file = root / "var/lib/saltk8s/pause.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"until": 1}))
    assert minion.call("k8s_gitops.status")["paused"] is None
    assert apply(minion)["applied"]
    assert minion.call("k8s_gitops.resume") is None


def test_what_was_asked_for_is_not_forgotten(made, root):
    minion = made()
    apply(minion)
    minion.call("k8s_gitops.pause", "new disks")
    apply(minion, force=True)
    minion.call("k8s_gitops.resume")
    assert apply(minion)["why"] == "asked for", "formulas that changed during a pause"
    assert apply(minion)["why"] == "nothing new"
    with (Path(minion.opts["cachedir"]) / "saltk8s" / "waiting").open("w") as another:
        fcntl.flock(another, fcntl.LOCK_EX)
        assert "another run waits already" in apply(minion, force=True)["why"]
    assert apply(minion)["why"] == "asked for", "as the one that waited does"
    assert apply(minion)["why"] == "nothing new"


def test_a_pause_can_be_ended_and_has_a_reason(made, root):
    minion = made()
    text = minion.call("k8s_gitops.pause", "new disks", __pub_user="sudo_bob")
    assert "paused by sudo_bob until" in text
    assert minion.call("k8s_gitops.resume") == text
    with pytest.raises(CommandExecutionError, match="expected the reason"):
        minion.call("k8s_gitops.pause", "")
    with pytest.raises(CommandExecutionError, match="hours: got 0"):
        minion.call("k8s_gitops.pause", "x", hours=0)
    file = root / "var/lib/saltk8s/pause.json"
    file.write_text("{")
    with pytest.raises(CommandExecutionError, match="is damaged"):
        minion.call("k8s_gitops.apply")
    assert "damaged" in minion.call("k8s_gitops.status")["paused"]
    minion.call("k8s_gitops.resume")
    assert not file.exists()


@pytest.mark.parametrize("heal", [False, True])
def test_drift_is_told_and_healed_only_where_asked_for(made, root, heal):
    minion = made(gitops={"states": ["site"], "drift": {"heal": heal}})
    apply(minion)
    assert minion.call("k8s_gitops.drift")["change"] == 0
    (root / "live").write_text("by hand\n")
    found = minion.call("k8s_gitops.drift")
    assert (found["change"], found["changed"], found["failure"]) == (1, ["a file of the site"], 0)
    assert 'result="change"} 1' in (root / "var/lib/saltk8s/metrics/highstate.prom").read_text()
    assert (root / "live").read_text() == ("one\n" if heal else "by hand\n")
    assert bool(found["healed"]) is heal
    if not heal:
        minion.call("k8s_gitops.pause", "by hand")
        assert minion.call("k8s_gitops.drift", heal=True)["healed"] is None
        minion.call("k8s_gitops.resume")
        assert minion.call("k8s_gitops.drift", heal=True)["healed"]["changed"] == ["a file of the site"]


def test_a_minion_without_a_master_has_no_schedule(made):
    minion = made(gitops={"enabled": True})
    assert minion.state("k8s_gitops.scheduled", "it")["changes"] == {}
