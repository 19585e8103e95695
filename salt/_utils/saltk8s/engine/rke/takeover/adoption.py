"""On the admin: the state of a cluster that ``rke`` built by hand, and a record of what was reached, become ours."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from saltk8s.base import errors, files
from saltk8s.engine import state_folder
from saltk8s.engine.rke import cluster_yml, rkestate
from saltk8s.engine.rke.planning import changes, fixed
from saltk8s.engine.rke.program import Program
from saltk8s.engine.rke.takeover import canonical, reading

# rke keeps these in another form than cluster.yml has them
_OPAQUE = ("policy", "admission_configuration", "configuration", "custom_config", "tolerations", "update_strategy")
_SPELLED = {"s3backupconfig": "s3BackupConfig"}
_FILLED_IN = {"election-timeout", "heartbeat-interval"}


def take_over(model: dict[str, Any], source: str | Path, test: bool = False) -> dict[str, Any]:
    """Take over a cluster: return ``{"changes", "plan"}``, the plan being what ``k8s_cluster.up`` would do then.

    model: what ``k8s_config.get`` returns; source: the ``cluster.yml``, with the state and the kubeconfig that rke left
    beside it. Raises Refused when they do not belong together, or when the state folder has another state.
    """
    paths = model["paths"]
    config, text = read(source)
    state = rkestate.parse(text, state_beside(source))
    program = Program(str(Path(paths["bin_dir"]) / "rke"))
    version = program.version()
    ours = cluster_yml.in_order(cluster_yml.build(model), state["nodes"])
    reached = canonical.settled(ours, config)
    last = {"status": "done", "config": reached, "digest": state["digest"], "rke": version}
    fixed.check(ours, state)
    plan = changes.plan_of(ours, state, last, version, program.images)
    old = files.read(paths["state_file"])
    if old is not None and old != text:
        raise errors.Refused(
            f"{paths['state_file']} is there already, with another content: the minion runs this cluster, or another "
            "one. To take over again, move it away"
        )
    kubeconfig = _kubeconfig(source, text) or files.read(paths["kubeconfig"])
    if not kubeconfig:
        raise errors.Refused(f"there is no kube_config_{Path(source).name} beside {source}: copy it there, too")
    wanted = {paths["state_file"]: text, paths["kubeconfig"]: kubeconfig}
    found = {path: "the cluster's" for path in wanted if files.read(path) is None}
    record = Path(paths["state_dir"]) / state_folder.RECORD
    if state_folder.read_record(record) is None:
        found[str(record)] = "what runs, for the next plan"
    if found and not test:
        _write(paths, {path: wanted[path] for path in wanted if path in found}, record, last)
    return {"changes": found, "plan": plan.lines()}


def read(source: str | Path) -> tuple[dict[str, Any], str]:
    """Return a ``cluster.yml`` and the text of its state. Raises Refused when these do not belong together."""
    text, where = files.read(source), state_beside(source)
    if text is None:
        raise errors.Refused(f"there is no {source}")
    config = reading.parse(text, str(source))
    state_text = files.read(where)
    if state_text is None:
        raise errors.Refused(f"there is no {where}, the state that rke left beside {Path(source).name}")
    state = rkestate.parse(state_text, where)
    if not state["running"]:
        raise errors.Refused(f"{where} has no currentState: rke did not finish building this cluster")
    if found := sorted(set(differences(config, json.loads(state_text)["currentState"]["rkeConfig"]))):
        raise errors.Refused(
            f"{source} is not what runs: rke's last run had another value at {', '.join(found)}. Run `rke up` with it, "
            "or set these back"
        )
    return {**config, "kubernetes_version": state["version"]}, state_text


def state_beside(source: str | Path) -> Path:
    """Return where rke keeps the state of a ``cluster.yml``."""
    return Path(source).with_suffix(".rkestate")


def differences(config: Mapping[str, Any], running: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of ``cluster.yml`` that rke's state has otherwise. running: its ``rkeConfig``."""
    found = canonical.canonical({**config, "ignore_docker_version": None})  # rke has that of its flag
    theirs = {
        str(node.get("hostnameOverride") or node.get("address")).lower(): node for node in running.get("nodes") or ()
    }
    mine = found.pop("nodes")
    for name in {*mine, *theirs}:
        if name not in mine or name not in theirs:
            yield f"nodes.{name}"
        elif sorted(theirs[name].get("role") or ()) != mine[name]["role"]:
            yield f"nodes.{name}.role"
        else:
            node = {key: value for key, value in mine[name].items() if key != "role"}
            yield from _other(node, theirs[name], ("nodes", name))
            yield from _more(node.get("labels"), theirs[name].get("labels"), f"nodes.{name}.labels")
    yield from _other(found, running, ())
    for name in cluster_yml.SERVICES.values():
        service = (running.get("services") or {}).get(fixed.spelling(name)) or {}
        given = (found.get("services") or {}).get(name) or {}
        for key in ("extra_args", "extra_binds", "extra_env"):
            if key not in given or key == "extra_args":
                yield from _more(given.get(key), service.get(fixed.spelling(key)), f"services.{name}.{key}")


def _more(mine: Any, theirs: Any, where: str) -> Iterator[str]:
    """Yield what is in the state and not in the file any more."""
    if isinstance(theirs, Mapping):
        yield from (f"{where}.{key}" for key in theirs if key not in (mine or {}) and key not in _FILLED_IN)
    elif theirs and not mine:
        yield where


def _other(mine: Any, theirs: Any, path: tuple[str, ...]) -> Iterator[str]:
    if path and path[-1] in _OPAQUE:
        return
    if isinstance(mine, Mapping):
        texts = bool(path) and path[-1] in canonical.TEXTS
        for key, value in mine.items():
            found = theirs if isinstance(theirs, Mapping) else {}
            spelled = key if texts or key in found else _SPELLED.get(key, fixed.spelling(key))
            yield from _other(value, found.get(spelled), (*path, key))
    elif isinstance(mine, list):
        if len(mine) != len(theirs or ()):
            yield ".".join(path)
        else:
            for one, other in zip(mine, theirs, strict=True):
                yield from _other(one, other, path)
    elif mine != canonical.scalar(theirs, path) and not (mine == "false" and theirs is None):
        yield ".".join(path)


def _kubeconfig(source: str | Path, text: str) -> str | None:
    """Return the administrator's kubeconfig: the one beside ``cluster.yml``, else the one in the state."""
    beside = Path(source).with_name(f"kube_config_{Path(source).name}")
    bundle = json.loads(text)["currentState"].get("certificatesBundle") or {}
    return files.read(beside) or (bundle.get(rkestate.ADMIN) or {}).get("config") or None


def _write(paths: Mapping[str, str], wanted: Mapping[str, str], record: Path, last: dict[str, Any]) -> None:
    """The record comes last: without it the next run is no shorter, and as safe."""
    files.make_private_folder(paths["state_dir"])
    with state_folder.lock(Path(paths["state_dir"]) / state_folder.LOCK, "rke.take_over"):
        for path, content in wanted.items():
            files.write(path, content)
        state_folder.backup(paths["state_file"], paths["backups"], state_folder.AFTER, rkestate.usable)
        salt = secrets.token_hex(16)
        config = cluster_yml.fingerprinted(last["config"], salt)
        known = {**last, "time": state_folder.now(), "salt": salt, "config": config, "joined": False}
        state_folder.write_record(record, known)
