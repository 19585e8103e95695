"""The lab's cases: what the platform costs in time, against bare ``rke`` in the same run on the same lab.

The blank-node cases destroy the lab's VMs and create them again, twice.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from bench.table import Report

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / "lab" / "bin"
HOST = "saltk8s-lab-admin"  # the container of the admin
NODES = ["k8s-cp1", "k8s-w1", "k8s-w2"]
ADMIN = "k8s-admin"
MAP = "/etc/salt/cloud.maps.d/lab.map"
STATE = "/var/lib/saltk8s/lab"
BARE = "/root/bench"  # where bare rke works: its own copies of cluster.yml and key
TIMEOUT_S = 1800
ROLLOUTS = (
    "k='kubectl --kubeconfig kube_config_cluster.yml';"
    " $k wait --for=condition=Ready nodes --all --timeout=300s;"
    " $k -n kube-system rollout status ds/canal --timeout=300s;"
    " for d in coredns coredns-autoscaler calico-kube-controllers metrics-server; do"
    " $k -n kube-system rollout status deploy/$d --timeout=300s; done"
)


class LabFailed(Exception):
    """A command in the lab failed; the message has its output."""


def is_up() -> bool:
    """Whether the lab's admin runs."""
    try:
        done = subprocess.run(
            ["docker", "inspect", "--format={{.State.Running}}", HOST], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return False
    return done.stdout.strip() == "true"


def command(*argv: str) -> tuple[str, float]:
    """Run one of lab/bin; return its output and the seconds it took."""
    return _timed([str(BIN / argv[0]), *argv[1:]])


def on_admin(script: str) -> float:
    """Run a script on the admin; return the seconds it took."""
    return _timed(["docker", "exec", HOST, "bash", "-euc", script])[1]


def _timed(argv: list[str]) -> tuple[str, float]:
    begin = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode:
        said = f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        raise LabFailed(f"{' '.join(argv)} exited with status {done.returncode}\n{said}")
    return done.stdout, time.monotonic() - begin


def apply(target: list[str], *sls: str) -> tuple[dict, float]:
    """``salt TARGET state.apply ...``; return {minion: {state: answer}} and the seconds it took."""
    words = ["--out=json", "--static", "-t", str(TIMEOUT_S), *target, "state.apply", *sls]
    out, wall = command("salt", *words)
    answers = json.loads(out[out.index("{") :])
    for minion, states in answers.items():
        bad = states if not isinstance(states, dict) else [one for one in states.values() if one["result"] is False]
        if bad:
            raise LabFailed(f"{minion}: {json.dumps(bad, indent=1)}")
    return answers, wall


def seconds(states: dict, *functions: str) -> float:
    """Time that a run spent in the states of these functions (``k8s_cluster.up``)."""
    spent = 0.0
    for tag, state in states.items():
        module, _, _, function = tag.split("_|-")
        if f"{module}.{function}" in functions:
            spent += float(state["duration"]) / 1000
    return spent


def times(report: Report) -> None:
    """The lab's own times, kept by ``make lab``: the newest of each kind."""
    path = ROOT / "build" / "lab-times.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    for case in ("lab cold", "lab warm"):
        if case in known:
            report.add(case.replace(" ", "_"), "saltk8s", wall_s=known[case]["wall_s"])


def model_of_100_nodes(report: Report) -> None:
    """Model, cluster.yml and cloud map for 100 nodes, in a fresh interpreter: the work of one state run; no lab."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "bench" / "hundred.py")], capture_output=True, text=True, check=True
    )
    report.add("model_100_nodes", "saltk8s", objects=100, **json.loads(done.stdout))


def unchanged_cluster(report: Report) -> None:
    """The cluster step when nothing changed, against a warm ``rke up``."""
    count = len(NODES)
    answers, whole = apply([ADMIN], "k8s.cluster")
    report.add("cluster_unchanged", "saltk8s", objects=count, wall_s=seconds(answers[ADMIN], "k8s_cluster.up"))
    report.add("cluster_unchanged_command", "saltk8s", objects=count, wall_s=whole)
    bare_copy()
    up = on_admin(f"cd {BARE} && rke up --config cluster.yml >up.log 2>&1")
    report.add("cluster_unchanged", "rke", objects=count, wall_s=up)
    _, whole = apply(["*"], "k8s")
    report.add("apply_unchanged", "saltk8s", objects=count + 1, wall_s=whole)


def bare_copy() -> None:
    """Give bare rke the same configuration, with its state when there is one."""
    on_admin(
        f"rm -rf {BARE}; install -d -m 700 {BARE}; cp -a {STATE}/cluster.* {STATE}/ssh_key {BARE}/;"
        f" sed -i 's#{STATE}/ssh_key#{BARE}/ssh_key#' {BARE}/cluster.yml"
    )


def blank_nodes() -> float:
    """Destroy the VMs, create them again, lay down OS and Docker; return the seconds of the node states."""
    command("salt-cloud", "-y", "-d", *NODES)
    command("salt-cloud", "-m", MAP, "-P", "-y")
    targets = ["-L", ",".join(NODES)]
    command("salt", *targets, "saltutil.sync_all")
    return apply(targets, "k8s")[1]


def blank_cluster(report: Report) -> None:
    """The same blank nodes, once for bare ``rke up`` (until all is rolled out), once for the state."""
    count = len(NODES)
    bare_copy()
    blank_nodes()
    on_admin(f"cd {BARE} && rm -f cluster.rkestate kube_config_cluster.yml")
    up = on_admin(f"cd {BARE} && rke up --config cluster.yml >up.log 2>&1")
    report.add("cluster_blank_rke_only", "rke", objects=count, wall_s=up)
    rolled = on_admin(f"cd {BARE} && {{ {ROLLOUTS}; }} >ready.log 2>&1")
    report.add("cluster_blank", "rke", objects=count, wall_s=up + rolled)
    on_admin(f"mv {STATE} {STATE}.before-bench")
    nodes = blank_nodes()
    answers, whole = apply([ADMIN], "k8s")
    states = answers[ADMIN]
    up = seconds(states, "k8s_cluster.up")
    report.add("cluster_blank", "saltk8s", objects=count, wall_s=up)
    report.add("apply_blank_stage_nodes", "saltk8s", wall_s=nodes)
    report.add("apply_blank_stage_cluster", "saltk8s", wall_s=up)
    report.add("apply_blank_stage_services", "saltk8s", wall_s=seconds(states, "kubectl.applied", "kubectl.ready"))
    report.add("apply_blank_stage_admin_all", "saltk8s", wall_s=whole)


def run(report: Report, blank: bool) -> None:
    """Measure the running lab. blank: with the cases that make its nodes blank."""
    times(report)
    unchanged_cluster(report)
    if blank:
        blank_cluster(report)
