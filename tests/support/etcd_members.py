"""A real etcd of several members on loopback, as the stand-in nodes of ``ssh_nodes`` show it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.support.apiserver import free_ports
from tests.support.ssh_nodes import Nodes

QUOTA = 2_000_000


class Members:
    """Members ``etcd-cp1``, ``etcd-cp2`` ... on the nodes 1, 2 ... Use as a context manager."""

    def __init__(self, folder: Path, binaries: dict[str, Path], nodes: Nodes, count: int = 3):
        self._folder, self._binaries, self._nodes = folder, binaries, nodes
        ports = free_ports(2 * count)
        self._client, self._peer = ports[:count], ports[count:]
        self._processes: dict[int, subprocess.Popen] = {}

    def __enter__(self) -> Members:
        for number in range(1, len(self._client) + 1):
            self.start(number)
            program = self._nodes.place(number) / "etcdctl"
            program.write_text(f'#!/bin/sh\nexec {self._binaries["etcdctl"]} --endpoints={self.url(number)} "$@"\n')
            program.chmod(0o755)
        self.until_healthy()
        return self

    def __exit__(self, *exc) -> None:
        for number in list(self._processes):
            self.kill(number)

    def url(self, number: int) -> str:
        """Where a member answers."""
        return f"http://127.0.0.1:{self._client[number - 1]}"

    def peer(self, number: int) -> str:
        """Where the others reach it."""
        return f"http://127.0.0.1:{self._peer[number - 1]}"

    def start(self, number: int, data: str = "data") -> subprocess.Popen:
        """Start a member as rke does: another folder of data is a rebuilt machine."""
        known = ",".join(f"etcd-cp{n}={self.peer(n)}" for n in range(1, len(self._client) + 1))
        flags = {
            "name": f"etcd-cp{number}",
            "data-dir": str(self._folder / f"{data}-{number}"),
            "log-level": "error",
            "quota-backend-bytes": str(QUOTA),
            "listen-client-urls": self.url(number),
            "advertise-client-urls": self.url(number),
            "listen-peer-urls": self.peer(number),
            "initial-advertise-peer-urls": self.peer(number),
            "initial-cluster": known,
            "initial-cluster-state": "new",
        }
        argv = [str(self._binaries["etcd"]), "--unsafe-no-fsync", *(f"--{key}={value}" for key, value in flags.items())]
        with self.log(number).open("w") as log:
            self._processes[number] = subprocess.Popen(argv, stdout=log, stderr=log)
        return self._processes[number]

    def kill(self, number: int) -> None:
        """Kill a member."""
        process = self._processes.pop(number)
        process.kill()
        process.wait()

    def log(self, number: int) -> Path:
        """What a member printed since its start."""
        return self._folder / f"etcd-{number}.log"

    def ctl(self, *words: str, number: int = 1) -> str:
        """Run etcdctl against a member."""
        argv = [str(self._binaries["etcdctl"]), f"--endpoints={self.url(number)}", *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False).stdout

    def until_healthy(self) -> None:
        """Wait until every member commits."""
        end = time.monotonic() + 60
        urls = ",".join(self.url(number) for number in self._processes)
        while self.ctl(f"--endpoints={urls}", "endpoint", "health", "-w", "json").count('"health":true') < len(
            self._processes
        ):
            assert time.monotonic() < end, "etcd is not healthy"
            time.sleep(0.2)
