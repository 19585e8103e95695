"""Manifests from a web server: only with the hash of what they should be."""

from __future__ import annotations

import hashlib
import http.server
import os
import threading
from pathlib import Path

import pytest
from tests.support.kubectl import check_thrice
from tests.support.salt import Minion

TEXT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-the-web}\ndata: {a: '1'}\n"
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """A web server on loopback; gives its address and its folder."""
    folder = tmp_path_factory.mktemp("web")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()


@pytest.fixture
def applied(tmp_path, apiserver, monkeypatch):
    """Run ``kubectl.applied`` on a minion with an empty cache."""
    monkeypatch.setenv("PATH", str(Path(apiserver.kubectl_path).parent), prepend=os.pathsep)
    minion = Minion(tmp_path / "minion")
    where = {"kubeconfig": str(apiserver.kubeconfig), "wait": False, "template": None}
    return lambda name, **kwargs: minion.state("kubectl.applied", name, **where, **kwargs)


@pytest.mark.parametrize("given", [f"sha256={SHA256}", SHA256.upper()])
def test_a_file_with_its_hash(apiserver, applied, web, given):
    address, folder = web
    (folder / "good.yaml").write_text(TEXT)
    name = f"web-{'=' in given}".lower()
    apiserver.kubectl("delete", "configmap", "from-the-web", "--ignore-not-found")
    source = f"{address}/good.yaml"
    real = check_thrice(apiserver, lambda **kw: applied(name, source=source, source_hash=given, **kw))
    assert "ConfigMap default/from-the-web" in real["changes"]


def test_several_files_with_their_hashes(applied, web):
    address, folder = web
    texts = {f"{address}/{name}.yaml": TEXT.replace("from-the-web", name) for name in ("web-a", "web-b")}
    for source, text in texts.items():
        (folder / source.rpartition("/")[2]).write_text(text)
    hashes = {source: f"sha256={hashlib.sha256(text.encode()).hexdigest()}" for source, text in texts.items()}
    answer = applied("web-several", source=list(texts), source_hash=hashes, test=True)
    assert {"ConfigMap default/web-a", "ConfigMap default/web-b"} <= set(answer["changes"]), answer["comment"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (None, "source_hash: got none; expected sha256=<64 hexadecimal digits>"),
        (
            "md5=d41d8cd98f00b204e9800998ecf8427e",
            "source_hash: got md5=d41d8cd98f00b204e9800998ecf8427e; expected sha256=",
        ),
        ("sha256=12", "source_hash: got sha256=12; expected sha256="),
        (f"sha256={'0' * 64}", f"source_hash: the file's sha256 is {SHA256}; expected {'0' * 64}"),
    ],
)
def test_a_file_without_its_hash_is_refused(apiserver, applied, web, given, problem):
    address, folder = web
    (folder / "unsure.yaml").write_text(TEXT)
    mark = apiserver.mark()
    for test in (True, False):
        answer = applied("web-unsure", source=f"{address}/unsure.yaml", source_hash=given, test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert f"{address}/unsure.yaml: {problem}" in answer["comment"]
    assert apiserver.requests(mark) == []


def test_a_file_that_is_not_there(applied, web):
    answer = applied("web-none", source=f"{web[0]}/none.yaml", source_hash=f"sha256={SHA256}")
    assert answer["result"] is False and f"{web[0]}/none.yaml: cannot be fetched" in answer["comment"]
