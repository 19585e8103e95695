"""A stand-in for a kubelet, which answers the API server's requests for logs."""

from __future__ import annotations

import http.server
import ssl
import threading
from urllib.parse import parse_qs, urlsplit

import pytest


class Kubelet(http.server.BaseHTTPRequestHandler):
    """What a kubelet answers when the API server asks for a log; a container named ``mute`` has not started."""

    def do_GET(self):
        where = urlsplit(self.path)
        _, _, _, pod, container = where.path.split("/")
        asked = {name: values[0] for name, values in parse_qs(where.query).items()}
        body = "".join(f"{pod} {container} {name}={asked[name]}\n" for name in sorted(asked)) or f"{pod} all\n"
        self.send_response(400 if container == "mute" else 200)
        self.end_headers()
        self.wfile.write(b"waiting to start" if container == "mute" else body.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def kubelet(apiserver):
    """A node of that name whose kubelet is the stand-in, on loopback, with the API server's own certificate."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kubelet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(apiserver.folder / "certs" / "apiserver.crt", apiserver.folder / "certs" / "apiserver.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    apiserver.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "kubelet"}})
    port = {"kubeletEndpoint": {"Port": server.server_address[1]}}
    address = [{"type": "InternalIP", "address": "127.0.0.1"}]
    apiserver.set_status("node", "kubelet", {"addresses": address, "daemonEndpoints": port})
    yield "kubelet"
    apiserver.kubectl("delete", "node", "kubelet")
    server.shutdown()
    server.server_close()
