"""Nodes for the cluster engine's tests: real SSH on loopback addresses, a stand-in for the ``docker`` command.

The server is asyncssh in a thread of the test, so neither root nor a daemon is needed; the client is the real ``ssh``
(and the real ``rke``), with real keys. Only what the deploy user would run on the node is a stand-in.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import asyncssh
from saltk8s.engine.rke.node import ETCD_DATA, KEYS
from saltk8s.engine.rke.running.snapshot import FOLDER as SNAPSHOTS
from saltk8s.nodes import reboot

_DOCKER = """#!/bin/sh
# scratch_docker.py: containers of etcd's image that are made, served and removed
case "$*" in
  *saltk8s-snapshot*|"inspect --format {{.Image}} etcd") [ ! -x {folder}/scratch ] || exec {folder}/scratch "$@";;
esac
case "$1" in
  version)
    [ -e {folder}/broken ] && { echo "Cannot connect to the Docker daemon" >&2; exit 1; }
    echo "runtime 27.5.1";;
  info) echo {folder};;
  ps) case "$*" in *docker.type*) cat {folder}/pods 2>/dev/null; exit 0;; esac; cat {folder}/containers;;
  rm) shift 3; for one; do sed -i "/^$one$/d" {folder}/pods; done;;
  inspect) cat {folder}/restarts 2>/dev/null;;
  logs) for last; do :; done; cat "{folder}/log-$last" 2>/dev/null;;
  exec)
    name=$2; shift 2
    if [ "$1" = sh ]; then exec "$@"; fi
    if [ "$1" = sha256sum ]; then grep -q "^container $name Up" {folder}/containers || exit 1; exec "$@"; fi
    if [ -x {folder}/etcdctl ]; then shift; exec {folder}/etcdctl "$@"; fi
    case "$*" in
      *"endpoint status") [ ! -e {folder}/etcd-status ] || cat {folder}/etcd-status;;
      *"member list") [ ! -e {folder}/etcd-members ] || cat {folder}/etcd-members;;
    esac;;
  start) shift; for one; do sed -i "s/^container $one .*/container $one Up 2 minutes/" {folder}/containers; done;;
  cp) path=${2#*:}; exec tar -C "${path%/*}" -c "${path##*/}";;
esac
"""


_OWN = {KEYS: "ssl", ETCD_DATA: "etcd", SNAPSHOTS: "snapshots", reboot.MARK: "reboot"}  # a node's own folders
# of a node with room, whatever the machine of the tests has; a file ``df`` has another answer
_DF = """#!/bin/sh
echo "Filesystem 1024-blocks Used Available Capacity Mounted on"
cat {folder}/df 2>/dev/null || echo "/dev/sda1 104857600 10485760 94371840 10% /"
"""


def free_port() -> int:
    """A port that is free on every loopback address for now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Nodes:
    """Nodes at 127.0.1.1, 127.0.1.2 ..., all on one port. Use as a context manager."""

    def __init__(self, folder: Path):
        self.folder, self.port = folder, free_port()
        self.key = folder / "client_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: dict[str, object] = {}
        self._host_keys: dict[str, asyncssh.SSHKey] = {}

    def __enter__(self) -> Nodes:
        self._thread.start()
        return self

    def __exit__(self, *exc) -> None:
        for address in list(self._servers):
            self.stop(address)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @staticmethod
    def address(number: int) -> str:
        """The address of the node with this number, 1 and up."""
        return f"127.0.1.{number}"

    def start(self, number: int, containers: dict[str, str] | None = None, authorised: bool = True) -> str:
        """Start a node; containers: {name: docker's words for its status}. Returns its address."""
        address, place = self.address(number), self.place(number)
        (place / "bin").mkdir(parents=True, exist_ok=True)
        for name, text in (("docker", _DOCKER), ("df", _DF)):
            program = place / "bin" / name
            program.write_text(text.replace("{folder}", str(place)))
            program.chmod(0o755)
        self.containers(number, containers or {})
        keys = place / "authorized_keys"
        keys.write_text(Path(f"{self.key}.pub").read_text() if authorised else "")
        self._host_keys[address] = asyncssh.generate_private_key("ssh-ed25519")
        self._servers[address] = self._call(self._listen(address, place, keys))
        return address

    def start_again(self, number: int) -> None:
        """Start a node as it was when it was stopped."""
        place = self.place(number)
        self._servers[self.address(number)] = self._call(
            self._listen(self.address(number), place, place / "authorized_keys")
        )

    def stop(self, address: str) -> None:
        """Stop a node: its port refuses then."""
        server = self._servers.pop(address)
        self._call(self._close(server))

    def place(self, number: int) -> Path:
        """The folder of a node's own files; a file ``broken`` in it breaks its Docker."""
        return self.folder / f"node{number}"

    def containers(self, number: int, found: dict[str, str]) -> None:
        """Set which containers ``docker ps -a`` shows on a node."""
        lines = [f"container {name} {status}\n" for name, status in found.items()]
        (self.place(number) / "containers").write_text("".join(lines))

    def container(self, number: int, name: str, status: str, restarts: int = 0, log: str = "") -> None:
        """Change one container of a node: docker's words for its status, its restarts, its log."""
        place = self.place(number)
        lines = (place / "containers").read_text().splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(f"container {name} ")]
        (place / "containers").write_text("".join([*kept, f"container {name} {status}\n"]))
        (place / "restarts").write_text(f"restarts /{name} {restarts}\n")
        (place / f"log-{name}").write_text(log)

    def cluster(self, number: int, found: dict[str, str], keys: dict[str, str] | None = None, image: str = "") -> None:
        """Let a node look as in a cluster. found: as in containers(); keys: {file's name: text}; image: of all."""
        lines = [f"container {name} {status}\nimage {name} {image}\n" for name, status in found.items()]
        (self.place(number) / "containers").write_text("".join(lines))
        place = self.place(number) / "ssl"
        shutil.rmtree(place, ignore_errors=True)
        if keys is not None:
            place.mkdir()
            for name, text in keys.items():
                (place / name).write_text(text)

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    async def _listen(self, address: str, place: Path, keys: Path):
        async def run(remote: asyncssh.SSHServerProcess) -> None:
            child = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                self._there(remote.command or "exit 0", place),
                env={"PATH": f"{place}/bin:/usr/bin:/bin", "HOME": str(place)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            # a client may keep its input open, so it is read where the command does
            given = await remote.stdin.read() if "docker cp - " in (remote.command or "") else b""
            out, err = await child.communicate(given)
            remote.stdout.write(self._back(out, place))
            remote.stderr.write(err)
            remote.exit(child.returncode)

        return await asyncssh.listen(
            address,
            self.port,
            server_host_keys=[self._host_keys[address]],
            authorized_client_keys=str(keys) if keys.read_text() else asyncssh.import_authorized_keys(""),
            process_factory=run,
            encoding=None,
        )

    @staticmethod
    def _there(command: str, place: Path) -> str:
        """The command with the node's own folders below its place."""
        for folder, own in _OWN.items():
            command = command.replace(folder, str(place / own))
        return command

    @staticmethod
    def _back(output: bytes, place: Path) -> bytes:
        for folder, own in _OWN.items():
            output = output.replace(str(place / own).encode(), folder.encode())
        return output

    @staticmethod
    async def _close(server) -> None:
        server.close()
        await server.wait_closed()


class Silent:
    """A machine that takes connections and never answers, as a paused one does. Use as a context manager."""

    def __init__(self, address: str, port: int):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((address, port))

    def __enter__(self) -> Silent:
        self._socket.listen(16)
        return self

    def __exit__(self, *exc) -> None:
        self._socket.close()
