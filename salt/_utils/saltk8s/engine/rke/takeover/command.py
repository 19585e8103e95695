"""``python3 -m saltk8s take-over``: from the files of a cluster that ``rke`` built by hand to a pillar folder."""

from __future__ import annotations

import argparse
import base64
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from saltk8s.base import errors, files, yaml_text
from saltk8s.engine.rke import rkestate
from saltk8s.engine.rke.program import Program
from saltk8s.engine.rke.takeover import adoption, importing
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.types import PLACEHOLDER

_DOCKER = """
  # What the nodes have now, or k8s.docker changes it: `docker version`; Cgroup Driver, Root Dir of `docker info`.
"""
_HEADS = {
    "cluster": "The cluster as it runs. engine_config is what no other key has: docs/operations/take-over.md.",
    "nodes": "The machines, by minion id, which is a node's name in Kubernetes.",
    "secrets": "The secrets: for the admin minion only. Encrypt them before they go anywhere (docs/pillar.md).",
}


def main(argv: list[str], complete: importing.Complete) -> int:
    """Run the command; return 0, or 1 when the cluster cannot be taken over. complete: see importing.pillar_of."""
    options = _parser().parse_args(argv)
    try:
        found, texts = read(options, complete)
        changed = write(Path(options.folder), texts)
    except errors.SaltK8sError as err:
        print(f"saltk8s take-over: {err}", file=sys.stderr)
        return 1
    for path, what in found.named:
        print(f"  {path}: {what}")
    print("\n".join(f"wrote {path}" for path in changed) or f"{options.folder}: nothing to write")
    todo = [name for name, text in texts.items() if PLACEHOLDER in text]
    print(f"replace each {PLACEHOLDER} in {', '.join(todo)}, then: python3 -m saltk8s check {options.folder}")
    return 0


def read(options: Any, complete: importing.Complete) -> tuple[importing.Imported, dict[str, str]]:
    """Return what was found, and the files of the pillar folder: {name: text}."""
    config, state = adoption.read(options.cluster_yml)
    version = rkestate.parse(state)["version"]
    images = Program(options.rke).images(version) if options.rke else ()
    found = importing.pillar_of(config, version, options.admin, complete, images)
    private, public = _key(options.key or str(config.get("ssh_key_path") or "~/.ssh/id_rsa"))
    if private:
        found.secret.setdefault("cluster", {})["ssh"] = {"private_key": private}
        found.named.append(("k8s:cluster:ssh:private_key", "a secret, in secrets.sls"))
    else:
        found.secret.setdefault("cluster", {})["ssh"] = {"private_key": PLACEHOLDER}
        found.named.append(("ssh_key_path", "no key without passphrase could be read there: give it with --key"))
    found.public["cluster"]["ssh"] |= {"public_key": public or PLACEHOLDER}
    return found, _texts(found, options.admin)


def write(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write the files that are not there; return their paths. Raises Refused when one is there with another content."""
    other = [name for name, text in texts.items() if files.read(folder / name) not in (None, text)]
    if other:
        raise errors.Refused(f"{folder} has another {', '.join(other)}, which may have been edited: give a new folder")
    changed = [folder / name for name in texts if not (folder / name).exists()]
    (folder / "k8s").mkdir(parents=True, exist_ok=True)
    for path in changed:
        private = path.name == "secrets.sls"
        files.write(path, texts[str(path.relative_to(folder))], files.PRIVATE_FILE if private else 0o644)
    return changed


def _texts(found: importing.Imported, admin: str) -> dict[str, str]:
    tree = found.public
    program = {"source": PLACEHOLDER, "sha256": PLACEHOLDER}
    binaries = {"rke": {**program, "version": "v1.8.5"}}
    binaries["kubectl"] = {**program, "version": tree["cluster"]["version"].partition("-")[0]}
    docker = {"docker": dict.fromkeys(("version", "cgroup_driver", "data_root"), PLACEHOLDER)}
    cluster = {key: value for key, value in tree.items() if key != "nodes"} | {"binaries": binaries}
    top = {"base": {"*": ["k8s.cluster", "k8s.nodes"], admin: ["k8s.secrets"]}}
    return {
        "top.sls": yaml_text.dump(top),
        "k8s/cluster.sls": _sls("cluster", cluster),
        "k8s/nodes.sls": _sls("nodes", {"nodes": tree["nodes"]}) + _DOCKER + _indented(docker),
        "k8s/secrets.sls": _sls("secrets", found.secret),
    }


def _sls(name: str, tree: Mapping[str, Any]) -> str:
    # a pillar file is a template
    text = yaml_text.dump({"k8s": dict(tree)})
    if any(mark in text for mark in ("{{", "{%", "{#")):
        text = f"{{% raw %}}\n{text}{{% endraw %}}\n"
    return f"# {_HEADS[name]}\n{text}"


def _indented(tree: Mapping[str, Any]) -> str:
    return "".join(f"  {line}\n" for line in yaml_text.dump(tree).splitlines())


def _key(path: str) -> tuple[str | None, str | None]:
    """Return a private SSH key and its public half, as far as they can be read."""
    place = Path(path).expanduser()
    try:
        private, public = files.read(place), files.read(f"{place}.pub")
    except OSError:
        return None, None
    inside = values.private_blob(private) if private else b""
    if not private or inside == b"":
        return None, None
    if not public and inside:
        kind = inside[4 : 4 + int.from_bytes(inside[:4], "big")].decode()
        public = f"{kind} {base64.b64encode(inside).decode()}"
    return private, public.strip() if public and values.PublicKey.accept(public.strip()) else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m saltk8s take-over",
        description="Write a pillar folder for a cluster that rke built by hand. Reads files, reaches no machine, and "
        "prints no secret: docs/operations/take-over.md.",
    )
    parser.add_argument("cluster_yml", help="the cluster.yml; the state (.rkestate) lies beside it")
    parser.add_argument("folder", help="the pillar folder to write; a second run changes nothing in it")
    parser.add_argument("--admin", required=True, help="minion id of the admin")
    parser.add_argument("--key", help="the private SSH key that rke uses (default: ssh_key_path of cluster.yml)")
    parser.add_argument("--rke", help="the rke program: images that are its own for the version are left out")
    return parser
