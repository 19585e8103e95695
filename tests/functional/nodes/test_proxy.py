"""Behind an HTTP proxy: the real apt and Salt, with what the pillar makes of their configuration.

The proxy is one of the tests' own, which answers downloads and notes tunnels: no host of these tests exists. Docker's
part is not here: a dockerd that reads proxies in its daemon.json (23.0) is not in Debian 12.
"""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import threading

import pytest
import requests
from labkit import versions
from salt.exceptions import MinionError
from saltk8s.nodes import proxy
from support import forward_proxy
from tests.support import pillars, takeover
from tests.support.salt import Minion

TREE = {
    "cluster": {"name": "osug", "version": versions.CLUSTER},
    "nodes": {"cp1": {"roles": ["controlplane", "etcd", "worker"], "address": "192.0.2.11/24"}},
    "registry": {"url": "registry.site.example:5000/k8s"},
    "proxy": {"no_proxy": [".lab.example", "mirror.example", "127.0.0.1"]},
}


def model(url: str):
    """The model of a site behind a proxy."""
    return takeover.complete(takeover.site(pillars.merge(TREE, {"proxy": {"http": url, "https": url}})))


@pytest.fixture
def passed(tmp_path):
    """What passed a proxy that runs, and its URL."""
    log = tmp_path / "passed"
    with forward_proxy.running(log) as url:
        yield url, lambda: log.read_text().splitlines()


@pytest.mark.skipif(not shutil.which("apt-get"), reason="no apt on this machine")
def test_apt_asks_the_proxy_but_for_the_hosts_named(passed, tmp_path):
    url, seen = passed
    (tmp_path / "95saltk8s-proxy").write_text("".join(f"{line}\n" for line in proxy.apt(model(url))))
    hosts = ("deb.example", "mirror.example")
    (tmp_path / "list").write_text("".join(f"deb [trusted=yes] http://{one}/debian stable main\n" for one in hosts))
    for folder in ("lists/partial", "cache/archives/partial", "parts"):
        (tmp_path / folder).mkdir(parents=True)
    places = {
        "Dir::Etc::sourcelist": tmp_path / "list",
        "Dir::Etc::sourceparts": tmp_path / "parts",
        "Dir::State::lists": tmp_path / "lists",
        "Dir::Cache": tmp_path / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Retries": 0,
    }
    words = [word for name, value in places.items() for word in ("-o", f"{name}={value}")]
    done = subprocess.run(
        ["apt-get", *words, "update"],
        env={**os.environ, "APT_CONFIG": str(tmp_path / "95saltk8s-proxy"), "LC_ALL": "C"},
        capture_output=True,
        text=True,
    )
    assert {line.split("/")[2] for line in seen()} == {"deb.example"}, done.stdout + done.stderr
    assert "mirror.example" in done.stderr + done.stdout, "it was asked itself"


class Direct(http.server.BaseHTTPRequestHandler):
    """A server that is reached without the proxy."""

    def do_GET(self):  # noqa: N802 - the library's name
        """Answer with another text than the proxy."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"itself\n")

    def log_message(self, *_):
        """Say nothing."""


def test_salt_downloads_through_the_proxy_but_from_the_hosts_named(passed, tmp_path):
    url, seen = passed
    minion = Minion(tmp_path / "minion", "cp1", **proxy.salt(model(url)))
    assert minion.call("cp.get_url", "http://files.example/rke", None) == forward_proxy.BODY.decode()
    assert seen() == ["GET http://files.example/rke"]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Direct) as direct:
        threading.Thread(target=direct.serve_forever, daemon=True).start()
        try:
            assert minion.call("cp.get_url", f"http://127.0.0.1:{direct.server_port}/rke", None) == "itself\n"
        finally:
            direct.shutdown()
    assert len(seen()) == 1
    with pytest.raises((requests.exceptions.ProxyError, MinionError), match="no tunnels from here"):
        minion.call("cp.get_url", "https://files.example/kubectl", None)
    assert seen()[1:] == ["CONNECT files.example:443"]
