"""A git server on loopback (``git http-backend``; Salt takes no git:// address), its repositories, pushes."""

from __future__ import annotations

import contextlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import yaml
from support import packaging

CHECK = f"env PYTHONPATH={packaging.ROOT / 'salt' / '_utils'} {sys.executable} -m saltk8s check"
HOOK = packaging.ROOT / "docs" / "site-pipeline" / "pre-receive"


class _Backend(http.server.BaseHTTPRequestHandler):
    """``git http-backend`` as the CGI program that it is."""

    protocol_version = "HTTP/1.1"
    root: Path

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(self._chunks())
        env = {**os.environ, "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path}
        env |= {
            "REQUEST_METHOD": self.command,
            "QUERY_STRING": query,
            "REMOTE_USER": "tests",
            "REMOTE_ADDR": "127.0.0.1",
        }
        env |= {"CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body))}
        env |= {f"HTTP_{key.upper().replace('-', '_')}": value for key, value in self.headers.items()}
        env.pop("HTTP_TRANSFER_ENCODING", None)
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=env)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the bare repositories of a folder, for reading and pushing; give their URL."""
    backend = type("Backend", (_Backend,), {"root": folder})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), backend)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def until(holds, what: str, timeout_s: float = 600, every_s: float = 0.2):
    """Wait until something holds, and return what it gave."""
    end = time.monotonic() + timeout_s
    while not (found := holds()):
        assert time.monotonic() < end, f"timed out: {what}"
        time.sleep(every_s)
    return found


class Repository:
    """A bare repository on the server, and a work tree that is pushed to it."""

    def __init__(self, folder: Path, name: str, url: str, work: Path):
        self.work, self.bare = work, folder / f"{name}.git"
        packaging.git("init", "-q", "--bare", "-b", "main", self.bare, cwd=folder)
        packaging.commit(work, "The first")
        packaging.git("remote", "add", "origin", f"{url}/{name}.git", cwd=work)
        self.push()

    def push(self) -> None:
        """Push main over the network; raise with the server's words when it is refused."""
        packaging.git("push", "-q", "origin", "main", cwd=self.work)

    def guard(self, on: bool = True) -> None:
        """Install the pre-receive hook, as its page says; or remove it."""
        hook = self.bare / "hooks" / "pre-receive"
        hook.unlink(missing_ok=True)
        if on:
            hook.parent.mkdir(exist_ok=True)
            shutil.copy(HOOK, hook)
            packaging.git("config", "saltk8s.check", CHECK, cwd=self.bare)

    def write(self, name: str, content) -> None:
        """Write a file of the work tree: text, or data as YAML."""
        text = content if isinstance(content, str) else "#!yaml\n" + yaml.safe_dump(content, sort_keys=False)
        (self.work / name).write_text(text)

    def edit(self, **files) -> None:
        """Change files (``name_sls=content``), commit and push."""
        for name, content in files.items():
            self.write(name.replace("_", "."), content)
        packaging.commit(self.work, "An edit")
        self.push()

    def undo(self) -> None:
        """Forget the last commit, here only."""
        packaging.git("reset", "-q", "--hard", "origin/main", cwd=self.work)
