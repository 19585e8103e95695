"""What the tests of the node formulas share: systems by their grains, models, and a machine in a folder."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import yaml
from saltk8s.base import process
from saltk8s.pillar import model
from tests.support import pillars
from tests.support.salt import FORMULAS, Minion

TESTS = Path(__file__).resolve().parents[1]
CASES = TESTS / "cases" / "nodes"
GOLDEN = TESTS / "golden" / "nodes"
FAMILIES = yaml.safe_load((FORMULAS / "k8s" / "os" / "families.yaml").read_text())
MACHINE = {"virtual": "VMware", "virtual_subtype": ""}  # grains of a machine that is no container
CONTAINER = {"virtual": "container", "virtual_subtype": "Docker"}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f rke"


def cases(name: str) -> Any:
    """The data of ``tests/cases/nodes/NAME.yaml``."""
    return yaml.safe_load((CASES / f"{name}.yaml").read_text())


@functools.cache
def systems() -> dict[str, dict[str, Any]]:
    """Name -> grains of a system, without ``known``."""
    return {name: {k: v for k, v in grains.items() if k != "known"} for name, grains in cases("systems").items()}


def known(wanted: bool = True) -> list[str]:
    """Names of the systems that the formulas know, or of those they do not."""
    return [name for name, grains in cases("systems").items() if grains.get("known", True) is wanted]


def tree(over: dict | None = None) -> dict[str, Any]:
    """A worker's ``k8s`` tree of ``pillar.example``, with a fixed key, and ``over`` laid over it."""
    return pillars.merge(pillars.public(), pillars.merge({"cluster": {"ssh": {"public_key": KEY}}}, over or {}))


def built(over: dict | None = None) -> dict[str, Any]:
    """The model of that tree."""
    return model.build(pillars.defaults(), tree(over), secrets_required=False)


class Machine:
    """A folder that ``k8s_host`` takes for the root of a machine; programs are noted, not run.

    root: the folder; minion: made with ``saltk8s_root=str(root)`` among its options, which every loader of it sees.
    """

    NAME = "template-of-saltk8s-tests"

    def __init__(self, root: Path, minion: Minion, monkeypatch):
        assert minion.opts["saltk8s_root"] == str(root)
        self.root, self.minion = root, minion
        self.ran: list[list[str]] = []
        self.answers: dict[str, process.Result] = {}
        monkeypatch.setattr(process, "run", self._run)
        self.file("/proc/sys/kernel/hostname", f"{self.NAME}\n")
        # before anything is applied: states, which have a loader of their own, see the folder and start no program
        probe = minion.state("k8s_host.hostname_set", "other", test=True)
        assert probe["changes"] == {"hostname": {"old": self.NAME, "new": "other"}}, "the real machine would be changed"
        would = minion.state("k8s_host.ssh_open", "probe", test=True, user="rke")
        assert [argv[0] for argv in self.ran] == ["/usr/sbin/sshd"], f"a program was really run: {would}"
        self.ran.clear()

    def _run(self, argv, **_):
        self.ran.append(list(argv))
        return self.answers.get(argv[0], process.Result(0, "", ""))

    def file(self, path: str, text: str | None = None) -> str:
        """Write a file of the machine, or read it."""
        place = self.root / path.lstrip("/")
        if text is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return place.read_text()

    def snapshot(self) -> dict[str, str]:
        """Every file of the machine with its text."""
        return {str(path.relative_to(self.root)): path.read_text() for path in self.root.rglob("*") if path.is_file()}


def plain(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Low data as it goes into a golden file: without what only says where it stands."""
    dropped = {"order", "state", "fun", "name"}
    found = []
    for chunk in sorted(chunks, key=lambda chunk: chunk["order"]):
        head = {"id": chunk["__id__"], "state": f"{chunk['state']}.{chunk['fun']}", "name": chunk["name"]}
        found.append(head | {key: chunk[key] for key in sorted(set(chunk) - dropped) if key[0] != "_"})
    return json.loads(json.dumps(found))


def golden(name: str, text: str) -> str:
    """The golden file's text; written first when SALTK8S_WRITE_GOLDEN is in the environment."""
    path = GOLDEN / name
    if os.environ.get("SALTK8S_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return path.read_text()
