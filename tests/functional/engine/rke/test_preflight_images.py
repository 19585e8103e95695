"""Whether a registry has images: a server that answers as registries do, with and without a login."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from saltk8s.engine.rke.preflight import images

HELD, LACKING = "rancher/hyperkube:v1.99.1-rancher1", "rancher/pause:3.7"
LOGIN = "Basic " + base64.b64encode(b"k8s:CANARY").decode()


@contextmanager
def registry(ask="", status=200):
    """A registry that has one image. ask: what it asks for: ``Basic``, ``Bearer``; status: of what it has."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def reply(self, code, headers=(), body=b""):
            self.send_response(code)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self):
            given = self.headers.get("Authorization", "")
            wanted = {"": "", "Basic": LOGIN, "Bearer": "Bearer t0ken"}[ask]
            if given != wanted:
                realm = f'realm="http://{self.headers["Host"]}/token",service="r",scope="pull"'
                self.reply(401, [("WWW-Authenticate", f"{ask} {realm}")])
                return
            name, _, tag = self.path.removeprefix("/v2/site/").partition("/manifests/")
            self.reply(status if f"{name}:{tag}" == HELD else 404)

        def do_GET(self):
            allowed = self.path == "/token?service=r&scope=pull" and self.headers.get("Authorization") == LOGIN
            self.reply(200 if allowed else 403, body=json.dumps({"token": "t0ken"}).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}/site"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(url, password="CANARY"):
    return images.missing([HELD, LACKING], {"url": url, "insecure": True, "username": "k8s", "password": password})


@pytest.mark.parametrize("ask", ["", "Basic", "Bearer"])
def test_what_it_lacks(ask):
    with registry(ask) as url:
        assert asked(url) == ([f"{url}/{LACKING}"], [])


@pytest.mark.parametrize("ask", ["Basic", "Bearer"])
def test_a_wrong_password_is_not_a_missing_image(ask):
    with registry(ask) as url:
        missing, reasons = asked(url, "WRONG-CANARY")
    assert missing == [] and reasons == [f"{url.partition('/')[0]} denies the login of k8s:registry"]


def test_a_registry_that_is_ill_or_away_does_not_lack_images():
    with registry(status=503) as url:
        missing, reasons = asked(url)
    assert missing == [f"{url}/{LACKING}"] and reasons == [f"{url.partition('/')[0]} answers with status 503"]
    missing, (reason,) = asked(url)
    assert missing == [] and "does not answer" in reason and "CANARY" not in reason
