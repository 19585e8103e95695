"""The real Traefik on loopback, and what tests of it share: backends, routes, requests."""

from __future__ import annotations

import http.client
import http.server
import os
import re
import ssl
import subprocess
import time
from pathlib import Path

from tests.support import pillars, programs

DRAIN_S = 8  # in place of the service's 10
SLOW_S = 4
PORTS = {8000: "web", 8443: "websecure", 8080: "probes", 9100: "metrics"}


TRAEFIK = programs.cached("traefik")
MISSING = "traefik is not in the cache: make lab builds it"


class Backend(http.server.BaseHTTPRequestHandler):
    """Answers with the path, /slow after a while."""

    def do_GET(self):
        if self.path.startswith("/slow"):
            time.sleep(SLOW_S)
        body = f"backend {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Replica:
    """One process, and requests to it."""

    def __init__(self, args: list[str], kubeconfig: Path, folder: Path):
        self.ports = dict(zip(PORTS.values(), programs.free_ports(len(PORTS)), strict=True))
        moved = [self._here(arg) for arg in args]
        self.log = folder / f"log-{self.ports['web']}"
        with self.log.open("w") as log:
            environment = {"KUBECONFIG": str(kubeconfig), "PATH": os.environ["PATH"]}
            self.process = subprocess.Popen([TRAEFIK, *moved], stdout=log, stderr=log, env=environment, cwd=folder)

    def _here(self, arg: str) -> str:
        arg = re.sub(r"requestAcceptGraceTimeout=\d+s", f"requestAcceptGraceTimeout={DRAIN_S}s", arg)
        found = re.fullmatch(r"(--entryPoints\.\w+\.address=):(\d+)", arg)
        return f"{found[1]}127.0.0.1:{self.ports[PORTS[int(found[2])]]}" if found else arg

    def ask(
        self, entry: str, path: str, host: str = "a.osug.example", timeout_s: float = 10, verify: bool = True
    ) -> tuple[int, dict[str, str], str] | None:
        """Return status, headers and body of a request, None when nobody answers."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.ports[entry], timeout=timeout_s)
            connection.connect()
            if entry == "websecure":
                connection.sock = self._context(verify).wrap_socket(connection.sock, server_hostname=host)
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        except OSError:
            return None
        finally:
            connection.close()

    def status(self, entry: str, path: str, host: str = "a.osug.example", timeout_s: float = 10) -> int:
        found = self.ask(entry, path, host, timeout_s)
        return found[0] if found else 0

    @staticmethod
    def _context(verify: bool) -> ssl.SSLContext:
        """Takes nothing but the certificate of the pillar, for its host names; verify False: any."""
        if not verify:
            return ssl._create_unverified_context()
        return ssl.create_default_context(cadata=pillars.certificate()[0])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def until(condition, what: str, timeout_s: float = 60):
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        time.sleep(0.1)
    return value


def obj(kind: str, name: str, namespace: str, spec: dict, api: str = "traefik.io/v1alpha1", **meta) -> dict:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace, **meta}, "spec": spec}


def route(name: str, namespace: str, host: str, **more) -> dict:
    """An IngressRoute to the namespace's service."""
    target = {"name": "site", "port": 80, "nodePortLB": True}
    rule = {"match": f"Host(`{host}`)", "services": [target], **more}
    return obj("IngressRoute", name, namespace, {"routes": [rule]})


def node_port(api, space: str) -> int:
    return api.get("service", "site", "-n", space)["spec"]["ports"][0]["nodePort"]
