"""Faults for the tests: a proxy in front of the real API server, an admission webhook, an API server that is silent.

The proxy stands in only for what cannot be had from a real part: the moment of a fault, and answers that an API server
gives in no reproducible way. It speaks HTTP/1.1 over TLS with the API server's own certificate.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.apiserver import ApiServer

PATIENCE_S = 60
_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "host", "accept-encoding"}


class Exchange:
    """One request that came to the proxy, and what can be done with it."""

    def __init__(self, handler: BaseHTTPRequestHandler, upstream: int, context: ssl.SSLContext):
        self._handler = handler
        self._upstream = upstream
        self._context = context
        self.verb, self.uri = handler.command, handler.path
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))

    @property
    def write(self) -> bool:
        """Whether it is a write that is kept."""
        return self.verb in ("POST", "PUT", "PATCH", "DELETE") and "dryRun=All" not in self.uri

    def forward(self) -> None:
        """Let the API server answer."""
        self._send(self._asked())

    def forward_and_lose(self) -> None:
        """Let the API server do it, and lose its answer."""
        self._asked().read()
        self.cut()

    def answer(self, code: int, body: str = "", **headers: str) -> None:
        """Answer in the API server's place; names of headers with _ for -."""
        text = body.encode()
        self._handler.send_response(code)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.send_header("Content-Length", str(len(text)))
        self._handler.end_headers()
        self._handler.wfile.write(text)

    def reject(self, code: int, reason: str, message: str, **headers: str) -> None:
        """Answer with an error as the API server does."""
        status = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason}
        self.answer(code, json.dumps(status | {"message": message}), **headers)

    def cut(self) -> None:
        """End the connection without an answer."""
        self._handler.close_connection = True
        self._handler.connection.close()

    def hold(self) -> None:
        """Never answer: until the other side has gone."""
        self._handler.connection.settimeout(PATIENCE_S)
        self._handler.connection.recv(1)
        self.cut()

    def _asked(self) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection("127.0.0.1", self._upstream, timeout=PATIENCE_S, context=self._context)
        headers = {name: value for name, value in self._handler.headers.items() if name.lower() not in _HOP}
        connection.request(self.verb, self.uri, self.body or None, headers)
        return connection.getresponse()

    def _send(self, answer: http.client.HTTPResponse) -> None:
        """Pass an answer on as it comes: a watch has no end."""
        self._handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self._handler.send_header(name, value)
        self._handler.send_header("Transfer-Encoding", "chunked")
        self._handler.end_headers()
        while part := answer.read1(65536):
            self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self._handler.wfile.write(b"0\r\n\r\n")


Action = Callable[[Exchange], None]


class Proxy:
    """A TLS proxy at the edge of the API server.

    ``on(...)`` says what happens to which requests; all others, and those after its last time, are passed on.
    """

    def __init__(self, server: ApiServer):
        self._rules: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        trust = ssl.create_default_context(cafile=str(server.folder / "certs" / "apiserver.crt"))
        proxy = self

        class Handler(_Quiet):
            def do(self) -> None:
                exchange = Exchange(self, server.port, trust)
                try:
                    proxy._action(exchange)(exchange)
                except OSError:  # the other side, or the API server, has gone
                    exchange.cut()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815  names of the standard library

        self._web = _Web(Handler, server)
        self.url = self._web.url

    def on(
        self,
        action: Action,
        verb: str = ".*",
        uri: str = ".*",
        skip: int = 0,
        times: int | None = None,
        write: bool = False,
    ) -> None:
        """Do something with requests instead of passing them on.

        verb, uri: patterns; write: only writes that are kept; skip: how many pass before; times: how many it takes.
        """
        self._rules.append(
            {
                "action": action,
                "verb": re.compile(verb),
                "uri": re.compile(uri),
                "write": write,
                "skip": skip,
                "left": times,
            }
        )

    def clear(self) -> None:
        """Pass everything on."""
        with self._lock:
            self._rules.clear()

    def _action(self, exchange: Exchange) -> Action:
        with self._lock:
            for rule in self._rules:
                if rule["write"] and not exchange.write or rule["left"] == 0:
                    continue
                if not (rule["verb"].fullmatch(exchange.verb) and rule["uri"].search(exchange.uri)):
                    continue
                if rule["skip"]:
                    rule["skip"] -= 1
                    continue
                rule["left"] = rule["left"] and rule["left"] - 1
                return rule["action"]
        return Exchange.forward

    def close(self) -> None:
        self._web.close()


class Webhook:
    """A validating admission webhook on loopback, asked by the API server as any other.

    answer: called with the object and whether it is a dry run, returns a refusal (its message, or the whole status) or
    None; host: the name that its certificate is for, in the place of the API server's own for 127.0.0.1.
    """

    def __init__(self, server: ApiServer, host: str = ""):
        self.answer: Callable[[dict[str, Any], bool], str | dict[str, Any] | None] = lambda _obj, _dry: None
        self.broken = False
        self.silent = False
        self.asked = 0
        certificate = certificate_for(host, server.folder) if host else server.folder / "certs" / "apiserver.crt"
        self._trusted = certificate.read_bytes()
        webhook = self

        class Handler(_Quiet):
            def do_POST(self) -> None:  # noqa: N802  a name of the standard library
                self.close_connection = True  # no connection of it is used after close()
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.asked += 1
                if webhook.silent:
                    self.connection.settimeout(PATIENCE_S)
                    self.connection.recv(1)
                    return
                body = "<html>no review</html>" if webhook.broken else json.dumps(webhook._reviewed(review))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body.encode())

        self._web = _Web(Handler, server, certificate)
        self.url = self._web.url

    def configuration(
        self, name: str, namespace: str, timeout_s: int = 10, side_effects: str = "None", url: str | None = None
    ) -> dict[str, Any]:
        """The object that makes the API server ask about the ConfigMaps of one namespace."""
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [
                {
                    "name": f"{name}.example.org",
                    "clientConfig": {"url": url or self._web.url, "caBundle": base64.b64encode(self._trusted).decode()},
                    "rules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE", "UPDATE"],
                            "resources": ["configmaps"],
                        }
                    ],
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                    "failurePolicy": "Fail",
                    "sideEffects": side_effects,
                    "timeoutSeconds": timeout_s,
                    "admissionReviewVersions": ["v1"],
                }
            ],
        }

    def close(self) -> None:
        self._web.close()

    def _reviewed(self, review: dict[str, Any]) -> dict[str, Any]:
        request = review["request"]
        refusal = self.answer(request["object"], bool(request.get("dryRun")))
        response = {"uid": request["uid"], "allowed": refusal is None}
        if refusal:
            response["status"] = refusal if isinstance(refusal, dict) else {"message": refusal, "code": 403}
        return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:  # a connection that was cut is what the tests are about
        pass


class _Web:
    """An HTTPS server in a thread of its own; by default with the API server's certificate: it is for 127.0.0.1."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], server: ApiServer, certificate: Path | None = None):
        certificate = certificate or server.folder / "certs" / "apiserver.crt"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self._http = _Threads(("127.0.0.1", 0), handler)
        # the handshake is the connection's own thread's: one that never begins it must not keep the others waiting
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


def certificate_for(host: str, folder: Path) -> Path:
    """Write a certificate that is trusted by itself, and its key beside it; return its path."""
    path = folder / f"{host}.crt"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=webhook"]
    argv += ["-addext", f"subjectAltName=DNS:{host}", "-out", str(path), "-keyout", str(path.with_suffix(".key"))]
    subprocess.run(argv, check=True, capture_output=True)
    return path


@contextmanager
def full_disk(folder: Path) -> Iterator[Path]:
    """A disk without room: a tiny tmpfs that is full, or a folder that cannot be written, when we are not root."""
    folder.mkdir()
    if os.geteuid() != 0:
        folder.chmod(0o500)
        yield folder
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    try:
        with (folder / "full").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(b"x" * 4096):
                pass
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
