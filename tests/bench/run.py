"""``make bench``: what the platform costs in time, against bare ``rke`` in the same run on the same lab.

Prints a table and writes ``build/bench.json``: a list of {case, tool, objects, wall_s, cpu_s, peak_mib, requests,
writes}; a key that does not apply is left out. The lab must be up. The blank-node cases destroy the lab's VMs and
create them again (twice); ``--quick`` leaves those out.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "lab" / "bin"
NODES = ["k8s-cp1", "k8s-w1", "k8s-w2"]
ADMIN = "k8s-admin"
MAP = "/etc/salt/cloud.maps.d/lab.map"
STATE = "/var/lib/saltk8s/lab"
BARE = "/root/bench"  # where bare rke works: its own copies of cluster.yml and key

rows: list[dict] = []


def note(case: str, tool: str, wall_s: float, **more) -> None:
    """Keep one measured row and show it at once."""
    rows.append({"case": case, "tool": tool, "wall_s": round(wall_s, 3), **more})
    extra = "".join(f"  {key} {value}" for key, value in more.items())
    print(f"{case:28} {tool:10} {wall_s:9.2f} s{extra}", flush=True)


def run(*argv: str, timeout_s: int = 1800) -> tuple[str, float]:
    """Run one of lab/bin; return its output and the seconds it took."""
    start = time.monotonic()
    done = subprocess.run(
        [str(BIN / argv[0]), *argv[1:]], capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(argv)} left with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout, time.monotonic() - start


def apply(target: str, *args: str) -> tuple[dict, float]:
    """``salt TARGET state.apply ...``; return the answers and the seconds it took."""
    out, wall = run("salt", "--out=json", "--static", "-t", "1800", target, "state.apply", *args)
    return json.loads(out[out.index("{") :]), wall


def admin_shell(script: str) -> float:
    """Run a script on the admin; return the seconds it took."""
    start = time.monotonic()
    argv = ["docker", "exec", "saltk8s-lab-admin", "bash", "-euc", script]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"on the admin: {script}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return time.monotonic() - start


def seconds(states: dict, *functions: str) -> float:
    """Time that a run spent in the states of these functions (``rke.up``)."""
    spent = 0.0
    for tag, state in states.items():
        module, _, _, function = tag.split("_|-")
        if f"{module}.{function}" in functions:
            spent += float(state["duration"]) / 1000
    return spent


def lab_times() -> None:
    """The lab's own times, kept by ``make lab``: the newest of each kind."""
    path = ROOT / "build" / "lab-times.json"
    if path.exists():
        known = json.loads(path.read_text())
        for case in ("lab cold", "lab warm"):
            if case in known:
                note(case.replace(" ", "_"), "saltk8s", known[case]["wall_s"])


def model_of_100_nodes() -> None:
    """Model, cluster.yml and cloud map for 100 nodes, in a fresh interpreter: the work of one state run."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "bench" / "hundred.py")], capture_output=True, text=True, check=True
    )
    measured = json.loads(done.stdout)
    note("model_100_nodes", "saltk8s", measured.pop("wall_s"), objects=100, **measured)


def unchanged_cluster() -> None:
    """The cluster step when nothing changed, against a warm ``rke up``."""
    answers, whole = apply(ADMIN, "k8s.cluster")
    note("cluster_unchanged", "saltk8s", seconds(answers[ADMIN], "rke.up"), objects=len(NODES))
    note("cluster_unchanged_command", "saltk8s", whole, objects=len(NODES))
    bare_copy()
    note("cluster_unchanged", "rke", admin_shell(f"cd {BARE} && rke up --config cluster.yml >up.log 2>&1"), objects=3)
    _, whole = apply("*", "k8s")
    note("apply_unchanged", "saltk8s", whole, objects=len(NODES) + 1)


def bare_copy() -> None:
    """Give bare rke the same configuration, with its state when there is one."""
    admin_shell(
        f"rm -rf {BARE}; install -d -m 700 {BARE}; cp -a {STATE}/cluster.* {STATE}/ssh_key {BARE}/;"
        f" sed -i 's#{STATE}/ssh_key#{BARE}/ssh_key#' {BARE}/cluster.yml"
    )


def blank_nodes() -> float:
    """Destroy the VMs, create them again, lay down OS and Docker; return the seconds of the node states."""
    run("salt-cloud", "-y", "-d", *NODES)
    run("salt-cloud", "-m", MAP, "-P", "-y")
    run("salt", "-L", ",".join(NODES), "saltutil.sync_all")
    return apply_nodes()


def apply_nodes() -> float:
    """Node formulas on all nodes at once."""
    out, wall = run("salt", "-t", "600", "--out=json", "--static", "-L", ",".join(NODES), "state.apply", "k8s")
    if '"result": false' in out:
        sys.exit(out)
    return wall


ROLLOUTS = (
    "k='kubectl --kubeconfig kube_config_cluster.yml';"
    " $k wait --for=condition=Ready nodes --all --timeout=300s;"
    " $k -n kube-system rollout status ds/canal --timeout=300s;"
    " for d in coredns coredns-autoscaler calico-kube-controllers metrics-server; do"
    " $k -n kube-system rollout status deploy/$d --timeout=300s; done"
)


def blank_cluster() -> None:
    """The same blank nodes, once for bare ``rke up`` (until all is rolled out), once for the state."""
    bare_copy()
    blank_nodes()
    admin_shell(f"cd {BARE} && rm -f cluster.rkestate kube_config_cluster.yml")
    up = admin_shell(f"cd {BARE} && rke up --config cluster.yml >up.log 2>&1")
    note("cluster_blank_rke_only", "rke", up, objects=len(NODES))
    rolled = admin_shell(f"cd {BARE} && {{ {ROLLOUTS}; }} >ready.log 2>&1")
    note("cluster_blank", "rke", up + rolled, objects=len(NODES))
    admin_shell(f"mv {STATE} {STATE}.before-bench")
    nodes = blank_nodes()
    answers, whole = apply(ADMIN, "k8s")
    states = answers[ADMIN]
    if any(state["result"] is False for state in states.values()):
        sys.exit(json.dumps(states, indent=1))
    up = seconds(states, "rke.up")
    note("cluster_blank", "saltk8s", up, objects=len(NODES))
    note("apply_blank_stage_nodes", "saltk8s", nodes)
    note("apply_blank_stage_cluster", "saltk8s", up)
    note("apply_blank_stage_services", "saltk8s", seconds(states, "kubectl.applied", "kubectl.ready"))
    note("apply_blank_stage_admin_all", "saltk8s", whole)


def ratios() -> None:
    """Ours against the peer, case by case."""
    wall = {(row["case"], row["tool"]): row["wall_s"] for row in rows}
    for (case, tool), value in wall.items():
        if tool == "rke" and (case, "saltk8s") in wall:
            print(f"{case}: saltk8s / rke = {wall[case, 'saltk8s'] / value:.3f}")


def main() -> int:
    """Measure, print, write build/bench.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the cases which make the nodes blank")
    options = parser.parse_args()
    lab_times()
    model_of_100_nodes()
    unchanged_cluster()
    if not options.quick:
        blank_cluster()
    ratios()
    target = ROOT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"written: {target.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
