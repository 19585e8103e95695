"""What is wrong on nodes, from what their probes found: containers, restarts, logs, etcd's answers."""

from __future__ import annotations

import json

import pytest
from saltk8s.engine.plan import Plan
from saltk8s.engine.rke import node
from saltk8s.engine.rke.running import checkup, containers
from saltk8s.engine.ssh import Probe, read_answer

CONTROL, WORKER = ["controlplane", "etcd"], ["worker"]
MEMBERS = {1: "etcd-cp1", 2: "etcd-cp2", 3: "etcd-cp3"}


def probe(roles, *lines, **statuses):
    """What a healthy node answers, with these statuses instead (None: no such container)."""
    found = dict.fromkeys(node.expected(roles), "Up 2 hours") | {k.replace("_", "-"): v for k, v in statuses.items()}
    shown = [f"container {name} {status}" for name, status in found.items() if status]
    return read_answer(Probe("n", "10.0.0.1"), "\n".join(["runtime 27.5.1", *shown, *lines]), node.INSPECTION)


def member(number, leader=1, cluster=7, members=MEMBERS, **status):
    """The lines of one member."""
    header = {"cluster_id": cluster, "member_id": number}
    answer = [{"Status": {"header": header, "version": "3.5.16", "dbSize": 9, "dbSizeInUse": 5, **status}}]
    if leader:
        answer[0]["Status"]["leader"] = leader
    listed = {"header": header, "members": [{"ID": one, "name": name} for one, name in members.items()]}
    return [f"etcd-status {json.dumps(answer)}", f"etcd-members {json.dumps(listed)}", "etcd-data /var/lib/etcd"]


def cluster(**others):
    """Three control planes and a worker, with other probes for some."""
    found = {f"cp{number}": probe(CONTROL, *member(number)) for number in (1, 2, 3)} | {"w1": probe(WORKER)}
    return found | others


def problems(probes, leaving=(), quota=None):
    roles = {name: WORKER if name.startswith("w") else CONTROL for name in probes if name not in leaving}
    return [str(one) for one in containers.problems(roles, probes, leaving, quota)]


def test_each_role_has_its_containers():
    control = {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"}
    assert set(node.expected(["controlplane", "worker"])) == control
    assert set(node.expected(["etcd"])) == {"etcd", "nginx-proxy", "kubelet", "kube-proxy"}
    assert set(node.expected(["worker"])) == {"nginx-proxy", "kubelet", "kube-proxy"}
    assert problems(cluster()) == []


@pytest.mark.parametrize("name", node.expected(["controlplane", "etcd"]))
@pytest.mark.parametrize(
    ("status", "lines", "text"),
    [
        ("Exited (1) 5 minutes ago", [], "does not run (Exited (1) 5 minutes ago)"),
        ("Created", [], "does not run (Created)"),
        ("Dead", [], "does not run (Dead)"),
        ("Up 3 hours (Paused)", [], "does not run (Up 3 hours (Paused))"),
        ("Restarting (255) 7 seconds ago", [("restarts", 4)], "does not run (Restarting (255) 7 seconds ago, "),
        ("Up Less than a second", [("restarts", 3)], "restarts in a loop (Up Less than a second, restarted 3 times"),
        ("Up 59 seconds", [("restarts", 80)], "restarts in a loop (Up 59 seconds, restarted 80 times by Docker)"),
        (None, [], "does not exist"),
        ("Up 2 seconds", [("restarts", 0)], ""),
        ("Up 2 seconds", [("restarts", 2)], ""),
        ("Up About a minute", [("restarts", 80)], ""),
        ("Up 3 hours (unhealthy)", [], ""),
    ],
)
def test_a_container_that_does_not_stay(name, status, lines, text):
    lines = [f"{kind} /{name} {count}" for kind, count in lines]
    found = problems(cluster(cp2=probe(CONTROL, *member(2), *lines, **{name: status})))
    assert len(found) == bool(text)
    assert all(one.startswith(f"{name} on cp2 {text}") for one in found)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([], ""),
        (
            ["I1130 started", "E1130 03:00:01 1 run.go:74] no space left", "I1130 bye"],
            "E1130 03:00:01 1 run.go:74] no space left",
        ),
        (
            ['{"level":"info","msg":"serving"}', '{"level":"fatal","msg":"discovery failed","error":"x"}'],
            "discovery failed: x",
        ),
        (['{"level":"fatal","msg":"discovery failed","error":"x","stacktrace":"cut'], "discovery failed: x"),
        (["last words"], "last words"),
        (["x" * 500], "x" * 300),
    ],
)
def test_the_line_of_a_log_that_explains_most(lines, text):
    assert containers.telling(lines) == text


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        (member(2, leader=0), "etcd on cp2 has no leader"),
        (member(2, errors=["memberID:2 alarm:CORRUPT "]), "etcd on cp2 has the alarm CORRUPT"),
        (member(2, dbSize=96), "etcd's database on cp2 has 0.0 of 0.0 GiB; full"),
        (member(2, cluster=8), "the members of etcd belong to different clusters"),
        (
            ["etcd-status Error: context deadline exceeded", "etcd-status []"],
            "etcd on cp2 does not answer: Error: context",
        ),
        (["etcd-status failed (exit status 124)"], "etcd on cp2 does not answer: failed (exit status 124)"),
        (["etcd-status not JSON at all"], "etcd on cp2 does not answer: not JSON at all"),
    ],
)
def test_what_a_member_says(answers, text):
    found = problems(cluster(cp2=probe(CONTROL, *answers)), quota=100)
    assert len(found) == 1 and found[0].startswith(text)


def test_what_all_members_count():
    def counted(members, **more):
        return problems({f"cp{n}": probe(CONTROL, *member(n, members=members)) for n in (1, 2, 3)}, **more)

    assert "etcd waits for a member that never started; " in counted({**MEMBERS, 255: ""})[0]
    assert counted({**MEMBERS, 255: "etcd-old"})[0].endswith("docker exec etcd etcdctl member remove ff")
    assert counted({**MEMBERS, 255: "etcd-old"}, leaving=["old"]) == []
    assert counted({1: "etcd-cp1", 2: "etcd-cp2"})[0].startswith("etcd does not count cp3 as a member")


def test_a_member_without_data_and_one_that_only_lacks_its_container():
    blank = read_answer(Probe("n", "10.0.0.1"), "runtime 27.5.1\n", node.INSPECTION)
    assert [text[:30] for text in problems(cluster(cp3=blank))] == ["etcd on cp3 has lost its data "]
    kept = probe(CONTROL, "etcd-data /var/lib/etcd", etcd=None)
    assert problems(cluster(cp3=kept)) == ["etcd on cp3 does not exist"]
    assert len(problems(cluster(w1=blank))) == len(node.expected(WORKER)), "rke starts them again"


def test_a_node_that_does_not_answer_is_a_problem_of_its_own():
    silent = Probe("cp3", "10.0.0.3", "silent", "timed out after 20 s")
    assert problems(cluster(cp3=silent)) == ["cp3 (10.0.0.3) does not answer on SSH: timed out after 20 s"]
    assert containers.etcd_is_down(silent)


def test_only_what_stays_counts():
    running = {name: {"roles": CONTROL} for name in ("cp1", "cp2", "cp3", "cp4")} | {"w1": {"roles": WORKER}}
    plan = Plan(
        added={"w2": WORKER},
        removed={"cp4": CONTROL},
        moved={"w1": {"old": "a", "new": "b"}},
        reroled={
            "cp3": {"old": CONTROL, "new": ["controlplane"]},
            "cp2": {"old": CONTROL, "new": [*CONTROL, "worker"]},
        },
    )
    found = checkup.scope(plan, running, ["cp1", "cp2", "cp3", "w1", "w2"])
    assert found.nodes == {"cp1": CONTROL, "cp2": CONTROL, "cp3": ["controlplane"]}
    assert found.leaving == {"cp4", "w1", "cp3"}
