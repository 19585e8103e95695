"""Stand-ins for ``rke`` and ``kubectl`` at the edge, for what cannot be had without a cluster: runs that succeed, are
killed, or leave an unhealthy cluster. What the real rke does without nodes is tested with the real one.

Run as a program, this file is either of them, by the name of the link that it is started through. It acts on files in
the folder ``FOLDER/``: ``mode`` (ok, fail, cut, hang; wait, until there is a file ``go``, which has the mode that it
goes on with; replace, the same while a container is stopped; turn, one node is done and the next begins; ill, the same
and the cluster is not healthy; at:PHASE, as wait, at one of PHASES), ``snapshot`` (the error of one), ``version``,
``offered``, ``objects.json`` (kubectl's answer), ``on_nodes.json`` (what a drain meets), ``pods.json``,
``secret.json``, ``metrics``, ``managed.json`` (objects with their field managers), ``log``, ``slow`` (time passes
between its writes); it notes every call in ``calls``.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from labkit import versions

_SCRIPT = """#!{python}
import sys
sys.path[:0] = {paths}
from tests.support import fake_rke
sys.exit(fake_rke.main({folder!r}, {name!r}, sys.argv[1:]))
"""

_KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: local, cluster: {server: "https://127.0.0.1:6443"}}]
users: [{name: admin, user: {token: of-a-fake}}]
contexts: [{name: local, context: {cluster: local, user: admin}}]
current-context: local
"""


# of a run that changes a cluster: nothing is written; keys and what is wanted are saved; a container is stopped; all
# containers of the control plane are new; the state says so; all but the last line
PHASES = ("begin", "keys", "stopped", "deployed", "saved", "end")
SNAPSHOT = "snapshot"  # the phase of one, before it or on demand
_ASKED = ("Node.v1.", "Pod.v1.", "PodDisruptionBudget.v1.policy,DaemonSet.v1.apps")


def install(folder: Path, bin_dir: Path) -> None:
    """Put both programs into a folder."""
    here = str(Path(__file__).resolve().parents[2])
    folder.mkdir(exist_ok=True)
    bin_dir.mkdir(exist_ok=True)
    for name in ("rke", "kubectl"):
        program = bin_dir / name
        script = _SCRIPT.format(python=sys.executable, paths=[here, *sys.path], folder=str(folder), name=name)
        program.write_text(script)
        program.chmod(0o755)


def calls(folder: Path) -> list[str]:
    """What the programs were called with so far."""
    path = folder / "calls"
    return path.read_text().splitlines() if path.exists() else []


def ups(folder: Path) -> list[str]:
    """The calls of ``rke up`` so far."""
    return [call for call in calls(folder) if call.startswith("rke up")]


def put(path: Path, text: str) -> None:
    """Write a file that other processes read: they see it whole, as it was or as it is."""
    written = path.with_name(f".{path.name}.{os.getpid()}")
    written.write_text(text)
    written.rename(path)


def main(folder: str, name: str, argv: list[str]) -> int:
    """Be one of the programs."""
    place = Path(folder)
    with (place / "calls").open("a") as stream:
        stream.write(" ".join([name, *argv]) + "\n")
    try:
        return _kubectl(place, argv) if name == "kubectl" else _rke(place, argv)
    except OSError as err:  # a full disk
        _print_line("fatal", f"Failed to write state file: {err.strerror}")
        return 1


def _file_or(place: Path, name: str, default: str) -> str:
    path = place / name
    return path.read_text() if path.exists() else default


def _kubectl(place: Path, argv: list[str]) -> int:
    if "logs" in argv:
        print(_file_or(place, "log", ""))
        return 0
    if "/metrics" in argv:
        print(_file_or(place, "metrics", ""))
        return 0
    if "--output=jsonpath={.items}" in argv:
        print(_file_or(place, "managed.json", "[]"))
        return 0
    if "Event.v1." in argv:
        print('{"kind": "List", "items": []}')
        return 0
    if "secret" in argv:
        print(_file_or(place, "secret.json", ""))
        return 0
    if argv[0] in ("cordon", "drain"):
        _cordon(place, lambda node: node["metadata"]["name"] == argv[1], True)
        return _evict(place, argv[1]) if argv[0] == "drain" else 0
    if argv[0] == "delete":
        _keep(place, "objects.json", lambda item: (item["kind"], item["metadata"]["name"]) != ("Node", argv[2]))
        return 0
    if argv[0] == "get" and (place / "objects.json").exists() and argv[1] in _ASKED:
        print(json.dumps({"kind": "List", "items": _asked(place, argv)}))
        return 0
    name = "pods.json" if "pods" in argv else "objects.json"
    if not (place / name).exists():
        print("Unable to connect to the server", file=sys.stderr)
        return 1
    print((place / name).read_text())
    return 0


def _asked(place: Path, argv: list[str]) -> list[dict]:
    """What a drain asks for: one node by its name, the pods on it, budgets and DaemonSets."""
    objects = json.loads((place / "objects.json").read_text())["items"]
    others = json.loads(_file_or(place, "on_nodes.json", '{"items": []}'))["items"]
    if argv[1] == "Pod.v1.":
        name = argv[argv.index("--field-selector") + 1].partition("=")[2]
        return [one for one in others if one["kind"] == "Pod" and one["spec"].get("nodeName") == name]
    if argv[1] == "Node.v1.":
        return [one for one in objects if one["kind"] == "Node" and argv[2] in (one["metadata"]["name"], "-o")]
    return [one for one in others if one["kind"] != "Pod"]


def _keep(place: Path, name: str, wanted: Callable[[dict], bool]) -> None:
    found = json.loads((place / name).read_text())
    (place / name).write_text(json.dumps({**found, "items": [item for item in found["items"] if wanted(item)]}))


def _evict(place: Path, node: str) -> int:
    """As kubectl: what a PodDisruptionBudget holds stays, and it ends when its time is up."""
    if (place / "on_nodes.json").exists():
        others = json.loads((place / "on_nodes.json").read_text())["items"]
        if any(one["kind"] == "PodDisruptionBudget" and not one["status"]["disruptionsAllowed"] for one in others):
            print("error: timeout reached", file=sys.stderr)
            return 1
        _keep(place, "on_nodes.json", lambda one: one["kind"] != "Pod" or one["spec"].get("nodeName") != node)
    return 0


def _rke(place: Path, argv: list[str]) -> int:
    if argv == ["--version"]:
        print("rke version " + _file_or(place, "version", versions.RKE))
        return 0
    if argv[:1] == ["config"]:
        print(_file_or(place, "offered", f"v1.31.10-rancher1-1\n{versions.CLUSTER}"))
        return 0
    if argv[:2] == ["etcd", "snapshot-save"]:
        return _snapshot(place, argv)
    return _up(place, Path(argv[argv.index("--config") + 1]), argv)


def _cordon(place: Path, of: Callable[[dict], bool], wanted: bool) -> None:
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # rke uncordons while kubectl cordons
        objects = json.loads((place / "objects.json").read_text())
        for item in objects["items"]:
            if item["kind"] == "Node" and of(item):
                item["spec"]["unschedulable"] = wanted
        put(place / "objects.json", json.dumps(objects))


_WORKER_PLANE = ("kubelet", "kube-proxy", "nginx-proxy")


def _deploy(folder: Path, declared: dict, without: tuple[str, ...] = ()) -> None:
    """Let the nodes of ssh_nodes beside the programs show the containers that the real one makes."""
    from tests.support import rke_state

    for entry in declared["nodes"]:
        place = folder / f"node{entry['address'].rpartition('.')[2]}"
        if place.exists():
            made = rke_state.containers(entry, declared["kubernetes_version"])
            found = [(name, image) for name, image in made if name not in without]
            lines = [f"container {name} Up 1 minute\nimage {name} {image}\n" for name, image in found]
            shown = place / "containers"
            exited = {name for name, _ in found if f"container {name} Exited" in shown.read_text()}  # they stay so
            lines = [line.replace(" Up ", " Exited (0) ") if line.split()[1] in exited else line for line in lines]
            put(shown, "".join(lines))


def _snapshot(place: Path, argv: list[str]) -> int:
    """Take one: the archive is there, but not whole, until the run is over."""
    import yaml

    _print_line("info", "Starting saving snapshot on etcd hosts")
    declared = yaml.safe_load(Path(argv[argv.index("--config") + 1]).read_text())
    name = f"{argv[argv.index('--name') + 1]}.zip"
    members = [entry["address"].rpartition(".")[2] for entry in declared["nodes"] if "etcd" in entry["role"]]
    archives = [place.parent / f"node{member}" / "snapshots" / name for member in members]
    failure = _file_or(place, "snapshot", "")
    for path in archives if not failure else ():
        path.parent.mkdir(exist_ok=True)
        path.write_text("cut off")
    mode = _file_or(place, "mode", "ok").strip()
    if mode != _wait_at(place, SNAPSHOT, mode) == "fail":
        failure = failure or "[etcd] Failed to take snapshot on all etcd hosts"
    if failure:
        _print_line("fatal", failure)
        return 1
    for path in archives:
        path.write_text("whole")
    return 0


def _print_line(level: str, message: str) -> None:
    print(f'time="2026-11-23T20:57:32Z" level={level} msg="{message}"', flush=True)


def _turn(place: Path, mode: str) -> None:
    """Go from one worker to the next, and stay there until somebody has asked for the cluster's health."""
    _print_line("info", "[worker] Successfully updated [kubelet] container on host [127.0.1.2]")
    if mode == "ill":
        objects = json.loads((place / "objects.json").read_text())
        for item in objects["items"]:
            if (item["kind"], item["metadata"]["name"]) == ("Node", "w1"):
                item["status"]["conditions"] = [{"type": "Ready", "status": "False", "reason": "KubeletNotReady"}]
        (place / "objects.json").write_text(json.dumps(objects))
    before = len(calls(place))
    _print_line("info", "[workerplane] Processing host w2")
    end = time.monotonic() + 120
    while time.monotonic() < end and (mode == "ill" or len(calls(place)) == before):
        time.sleep(0.05)


def _wait_at(place: Path, phase: str, mode: str) -> str:
    """Stand still at a phase when the mode says so, until there is a file ``go``; return the mode from there on."""
    if mode != f"at:{phase}":
        return mode
    put(place / "pid", str(os.getpid()))
    put(place / "reached", phase)
    return _go(place)


def _go(place: Path) -> str:
    """Wait until the file ``go`` has been written; return the mode in it."""
    while not (mode := _file_or(place, "go", "")):
        time.sleep(0.02)
    return mode


def _save(path: Path, state: dict) -> None:
    """Write the state as the real one does: in place."""
    path.write_text(json.dumps(state, indent=2))
    _print_line("info", f"Successfully Deployed state file at [{path}]")


def _take_apart(folder: Path, declared: dict) -> None:
    """Stop a worker's kubelet, to replace it; remove all containers of the nodes that are restored."""
    _print_line("info", "Stopping container [kubelet] on host [127.0.1.2] with stopTimeoutDuration [5s], try #1")
    shown = folder / "node2" / "containers"
    put(shown, shown.read_text().replace("container kubelet Up", "container kubelet Exited (0)"))
    for entry in declared["nodes"]:
        put(folder / f"node{entry['address'].rpartition('.')[2]}" / "containers", "")


def _put_together(folder: Path) -> None:
    shown = folder / "node2" / "containers"
    put(shown, shown.read_text().replace("container kubelet Exited (0)", "container kubelet Up"))


def _up(place: Path, config: Path, argv: list[str]) -> int:
    import yaml
    from tests.support import rke_state

    mode = _file_or(place, "mode", "ok").strip()
    declared = yaml.safe_load(config.read_text())
    state = config.with_suffix(".rkestate")
    _print_line("info", f"Running RKE version: {versions.RKE}")
    mode = _wait_at(place, "begin", mode)
    _print_line("info", "[certificates] Generating CA kubernetes certificates")
    password = next((one.get("password") for one in declared.get("private_registries", [])), None)
    _print_line("debug", f"registry password {password}")
    old = json.loads(state.read_text()) if state.exists() else None
    restores = argv[:2] == ["etcd", "snapshot-restore"]
    keys = old["desiredState"]["certificatesBundle"] if old else {"kube-ca": {"certificatePEM": rke_state.authority()}}
    ca = rke_state.authority.__wrapped__() if "--rotate-ca" in argv else keys["kube-ca"]["certificatePEM"]
    encryption = old["desiredState"]["encryptionConfig"] if old else rke_state.encryption("key-one")
    if argv[0] == "encrypt":
        encryption = rke_state.encryption("key-two")
    made = rke_state.rkestate(declared, ca=ca, encryption=encryption)
    # as the real one: keys and what is wanted are saved before anything is deployed
    current = old["currentState"] if old and not restores else {}
    _save(state, {**made, "currentState": current})
    put(place / "pid", str(os.getpid()))
    if (place / "slow").exists():  # minutes pass until the next write: who follows has kept the state by then
        end = time.monotonic() + 5
        kept = state.with_name(f"{state.name}.whole")
        while time.monotonic() < end and not (kept.exists() and kept.read_text() == state.read_text()):
            time.sleep(0.05)
    mode = _wait_at(place, "keys", mode)
    if mode.startswith("at:"):
        _take_apart(place.parent, declared if restores else {"nodes": []})
        mode = _wait_at(place, "stopped", mode)
        _print_line("info", "[worker] Successfully updated [kubelet] container on host [127.0.1.2]")
        _put_together(place.parent)
    if mode in ("wait", "replace"):
        host = "on host [127.0.1.2]"
        if mode == "replace":
            _print_line("info", f"Stopping container [kubelet] {host} with stopTimeoutDuration [5s], try #1")
        mode = _go(place)
        _print_line("info", f"[worker] Successfully updated [kubelet] container {host}")
    if mode in ("turn", "ill"):
        _turn(place, mode)
    if (place / "objects.json").exists():  # as the real one: whatever it has done with a node, it uncordons it
        _cordon(place, lambda node: True, False)
        _print_line("info", "Processing controlplane host w2")
    if mode == "cut":  # the disk was full
        state.write_text(state.read_text()[:-100])
        return 1
    if mode == "fail":
        _print_line("warning", "Failed to set up SSH tunneling for host [127.0.1.2]")
        _print_line("fatal", "[controlPlane] Failed to bring up Control Plane")
        return 1
    if mode == "hang":
        _print_line("info", "[etcd] Building up etcd plane..")
        time.sleep(60)
        return 0
    _print_line("info", "[etcd] Building up etcd plane..")
    if argv[0] != "up":  # they restart what is there
        _put_together(place.parent)
    # kubelets come after the state says that there is a control plane
    _deploy(place.parent, declared, () if current else _WORKER_PLANE)
    mode = _wait_at(place, "deployed", mode)
    if mode == "fail":
        _print_line("fatal", "[controlPlane] Failed to bring up Control Plane")
        return 1
    _save(state, made)
    mode = _wait_at(place, "saved", mode)
    _deploy(place.parent, declared)
    kubeconfig = config.with_name(f"kube_config_{config.name}")
    kubeconfig.write_text(_KUBECONFIG)
    kubeconfig.chmod(0o644)
    if (place / "after").exists():  # what the first node shows instead
        put(place.parent / "node1" / "containers", (place / "after").read_text())
    _print_line("info", "[worker] Building up Worker Plane..")
    if _wait_at(place, "end", mode) == "fail":
        _print_line("fatal", "Failed to bring up Worker Plane")
        return 1
    _print_line("info", "Finished building Kubernetes cluster successfully")
    return 0
