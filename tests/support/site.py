"""A site for whole runs of the engine: real SSH, real files and locks; ``rke`` and ``kubectl`` are stand-ins."""

from __future__ import annotations

import json
from pathlib import Path

from saltk8s.engine import registry, state_folder
from saltk8s.engine.base import Hooks
from tests.support import fake_rke, pillars
from tests.support import rke as sample
from tests.support.ssh_nodes import Nodes

NODES = {"cp1": ["controlplane", "etcd"], "w1": ["worker"], "w2": ["worker"]}


class Site:
    """An admin with its folder, its programs and three nodes."""

    def __init__(self, folder: Path, nodes: Nodes):
        self.nodes, self.fake, self.dir = nodes, folder / "fake", folder / "state"
        self.bin = folder / "bin"
        self.logged: list[str] = []
        self.sent: list[tuple[str, dict]] = []
        self.over: dict = {}
        fake_rke.install(self.fake, self.bin)
        self.declared = {
            name: {"roles": roles, "ip": nodes.address(number)} for number, (name, roles) in enumerate(NODES.items(), 1)
        }
        for number in range(1, len(NODES) + 1):
            nodes.start(number)
        self.healthy()

    def engine(self, **cluster):
        """The engine, with cluster settings changed."""
        over = pillars.merge({"nodes": self.declared, "cluster": {"ssh": {"port": self.nodes.port}}}, self.over)
        over["cluster"] = pillars.merge(over["cluster"], cluster)
        over["cluster"]["ssh"]["private_key"] = self.nodes.key.read_text()
        model = sample.model(over, str(self.dir))
        model["paths"]["bin_dir"] = str(self.bin)
        hooks = Hooks(lambda _, line: self.logged.append(line), lambda *event: self.sent.append(event))
        loaded = registry.load(model, hooks)
        loaded.prepare()
        return loaded

    def healthy(self, names=None, change=None):
        """Let kubectl show a healthy cluster of these nodes, with one object changed."""
        objects = sample.healthy_objects(list(names or self.declared))
        objects = [pillars.merge(item, change(item)) if change else item for item in objects]
        fake_rke.put(self.fake / "objects.json", json.dumps({"kind": "List", "items": objects}))

    def mode(self, mode: str):
        """Set how the next rke up ends."""
        (self.fake / "mode").write_text(mode)

    def files(self) -> dict[str, bytes]:
        """Every file of the state folder."""
        return {str(path.relative_to(self.dir)): path.read_bytes() for path in self.dir.rglob("*") if path.is_file()}

    def backups(self) -> list[str]:
        """The moments of the state's copies, oldest first."""
        return [path.name.rsplit(".", 1)[1] for path in state_folder.backups(self.dir / "backups", "cluster.rkestate")]
