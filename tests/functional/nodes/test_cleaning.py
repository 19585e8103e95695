"""A node is cleaned of its cluster: folders and API server are real, and so are iptables and interfaces, in a network
namespace; Docker and mounts are stand-ins. Test mode, first run, second run; and what is refused.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from saltk8s.base import errors, process
from saltk8s.nodes import belonging
from saltk8s.nodes.cleaning import Cleaning
from saltk8s.nodes.machine import Machine
from tests.support import nodes

NODE = "k8s-w1"
FOUND = {"containers", "mounts", "folders"}
MOUNT = "/var/lib/kubelet/pods/a/volumes/kubernetes.io~nfs/export"
REAL = process.run


class Node:
    """A node's files in a folder; what Docker and the kernel would say, and what was asked of them."""

    def __init__(self, root):
        self.root, self.ran, self.stuck = root, [], ()
        self.containers = ["kubelet", "k8s_POD_web_shop_1_0", "etcd"]
        self.others = ["registry"]
        for path in ("etc/kubernetes/ssl", "var/lib/etcd/member", "opt/rke/etcd-snapshots", "var/lib/docker"):
            (root / path).mkdir(parents=True)
        for path in ("var/lib/etcd/member/db", "opt/rke/etcd-snapshots/one.zip", "etc/kubernetes/ssl/kube-ca.pem"):
            (root / path).write_text("x")
        (root / MOUNT.lstrip("/")).mkdir(parents=True)
        (root / "proc/self").mkdir(parents=True)
        self.mounted(MOUNT)

    def mounted(self, *points):
        lines = [f"{number} 1 0:1 / {point} rw - nfs4 server:/ rw" for number, point in enumerate(("/", *points))]
        (self.root / "proc/self/mountinfo").write_text("\n".join(lines) + "\n")

    def run(self, argv, **more):
        if argv[0] in ("rm", "cp"):
            return REAL(argv, **more)
        self.ran.append(list(argv))
        if argv[:2] == ["docker", "ps"]:
            return process.Result(0, "\n".join(self.containers), "")
        if argv[:2] == ["docker", "rm"]:
            self.containers = [name for name in self.containers if name not in argv or name in self.stuck]
        elif argv[0] == "umount":
            if argv[1] not in self.stuck and argv[-1] not in self.stuck:
                self.mounted()
                return process.Result(0, "", "")
            return process.Result(32, "", f"umount: {argv[-1]}: target is busy.")
        return process.Result(0, "", "")

    def left(self):
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())


@pytest.fixture
def node(tmp_path, monkeypatch):
    there = Node(tmp_path / "root")
    monkeypatch.setattr(process, "run", there.run)
    return there


@pytest.fixture
def cleaned(node):
    """Clean it without a minion."""
    return lambda **more: Cleaning(Machine(nodes.MACHINE, str(node.root)), **more).clean(test=False)


@pytest.fixture
def minion(node, loaders):
    return loaders(minion_id=NODE, grains=nodes.MACHINE, saltk8s_root=str(node.root))


def test_all_of_a_cluster_goes_and_a_second_run_changes_nothing(node, minion):
    before = node.left()
    would = minion.state("k8s_host.cleaned_up", "clean", test=True, node=NODE, gone=True)
    assert (would["result"], set(would["changes"])) == (None, FOUND), would
    assert node.left() == before and {argv[0] for argv in node.ran} <= {"docker", "ipset"} | {
        argv[0] for argv in node.ran if argv[0].endswith("-save")
    }
    node.ran.clear()
    did = minion.state("k8s_host.cleaned_up", "clean", node=NODE, gone=True)
    assert did["result"] is True and did["changes"] == would["changes"], did
    assert "/opt/rke/etcd-snapshots stays: snapshots of etcd" in did["comment"]
    assert node.left() == ["opt/rke/etcd-snapshots/one.zip", "proc/self/mountinfo"]
    assert (node.root / "var/lib/docker").is_dir()
    acts = [argv for argv in node.ran if argv[:2] == ["docker", "rm"] or argv[0] == "umount"]
    assert [argv[-1] for argv in acts] == ["kubelet", "k8s_POD_web_shop_1_0", MOUNT], "the kubelet first"
    for test in (True, False):
        again = minion.state("k8s_host.cleaned_up", "clean", test=test, node=NODE)
        assert (again["result"], again["changes"]) == (True, {}), again


def test_nothing_is_deleted_while_data_are_mounted_below(node, cleaned):
    node.stuck = (MOUNT,)
    with pytest.raises(errors.CommandError, match=f"mounts: {MOUNT}[^$]*no folder was removed") as caught:
        cleaned()
    assert set(caught.value.details()["changes"]) == {"containers"}
    assert (node.root / "var/lib/etcd/member/db").exists() and (node.root / MOUNT.lstrip("/")).is_dir()
    node.stuck = ()
    assert set(cleaned()["changes"]) == FOUND - {"containers"}


def test_a_file_server_that_is_gone_is_detached(node, cleaned):
    node.stuck = ("--",)  # the first form
    cleaned()
    assert [argv[1] for argv in node.ran if argv[0] == "umount"] == ["--", "--lazy"]


def test_a_disk_of_its_own_is_emptied_and_stays(node, cleaned):
    node.mounted("/var/lib/etcd", "/var/lib/kubelet")
    (node.root / "var/lib/etcd/lost+found").mkdir()
    cleaned()
    assert (node.root / "var/lib/etcd").is_dir() and (node.root / "var/lib/kubelet").is_dir()
    assert cleaned()["changes"] == {}


def test_etcds_data_can_be_kept(node, cleaned):
    notes = cleaned(keep_etcd=True)["notes"]
    (kept,) = (node.root / "var/lib").glob("etcd.left-*")
    assert (kept / "member/db").exists() and kept.name in " ".join(notes)
    assert cleaned()["changes"] == {}


def test_docker_that_does_not_answer_is_no_clean_node(cleaned, monkeypatch):
    monkeypatch.setattr(process, "run", lambda argv, **more: process.Result(1, "", "Cannot connect to the daemon"))
    with pytest.raises(errors.CommandError, match="Docker does not answer.*Cannot connect"):
        cleaned()


# whether the node is one of the cluster


class Server(BaseHTTPRequestHandler):
    """An API server that has one node, or fails."""

    status = 200

    def do_GET(self):
        assert self.path == f"/api/v1/nodes/{NODE}"
        body = {200: b'{"kind": "Node"}', 404: b'{"kind": "Status", "reason": "NotFound"}'}.get(self.status, b"{}")
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


@pytest.fixture
def server(node):
    """Served with a certificate; the node has the kubeconfig that rke writes."""
    folder = node.root / "etc/kubernetes/ssl"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=kube-ca", "-days", "2"]
    pair = ["-keyout", str(folder / "kube-node-key.pem"), "-out", str(folder / "kube-node.pem")]
    subprocess.run([*words, "-addext", "subjectAltName=IP:127.0.0.1", *pair], check=True, capture_output=True)
    served = HTTPServer(("127.0.0.1", 0), Server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "kube-node.pem", folder / "kube-node-key.pem")
    served.socket = context.wrap_socket(served.socket, server_side=True)
    cluster = (
        f'certificate-authority: /etc/kubernetes/ssl/kube-node.pem, server: "https://127.0.0.1:{served.server_port}"'
    )
    user = "client-certificate: /etc/kubernetes/ssl/kube-node.pem, client-key: /etc/kubernetes/ssl/kube-node-key.pem"
    config = f"clusters: [{{cluster: {{{cluster}}}}}]\nusers: [{{user: {{{user}}}}}]\n"
    (node.root / belonging.KUBECONFIG.lstrip("/")).write_text(config)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield served
    served.shutdown()
    served.server_close()


def checked(node, model=None, typed=NODE, gone=False):
    belonging.check(Machine(nodes.MACHINE, str(node.root)), NODE, model, typed, gone)


MODEL = {"cluster": {"name": "osug"}, "nodes": {NODE: {}}}


def test_a_node_that_its_cluster_counts_is_refused(node, minion, server, monkeypatch):
    before = node.left()
    with pytest.raises(errors.Refused, match=f"{NODE} is a node of the cluster; take it out first"):
        checked(node, MODEL)
    for test in (True, False):
        answer = minion.state("k8s_host.cleaned_up", "clean", test=test, node=NODE)
        assert answer["result"] is False and f"{NODE} is a node of the cluster" in answer["comment"], answer
    assert node.left() == before
    monkeypatch.setattr(Server, "status", 500)
    with pytest.raises(errors.Refused, match="not known .the API server answers 500., and its etcd and kubelet runs"):
        checked(node)
    node.containers = []
    with pytest.raises(errors.Refused, match="and its pillar declares it"):
        checked(node, MODEL)
    checked(node, MODEL, gone=True)
    monkeypatch.setattr(Server, "status", 404)
    checked(node, MODEL)


def test_a_node_whose_cluster_cannot_be_asked_is_refused_while_its_programs_run(node):
    with pytest.raises(errors.Refused, match="its etcd and kubelet runs.*gone=True"):
        checked(node)
    node.containers = ["k8s_POD_web_shop_1_0"]
    checked(node, MODEL)


@pytest.mark.parametrize("typed, model", [("k8s-w2", MODEL), ("osug", None), ("", MODEL), ("other", MODEL)])
def test_another_name_confirms_nothing(node, typed, model):
    with pytest.raises(errors.Refused, match="does not confirm"):
        checked(node, model, typed, gone=True)
    checked(node, MODEL, "osug", gone=True)


# the kernel's own


@pytest.fixture
def space(monkeypatch):
    """A network namespace, in which iptables and ip run."""
    if os.geteuid() or not shutil.which("ip") or not shutil.which("iptables-save"):
        pytest.skip("takes root, ip and iptables")
    name = f"saltk8s-c{uuid.uuid4().hex[:6]}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    inside = ("ip", "netns", "exec", name)

    def run(argv, **more):
        if argv[0] == "docker":
            raise errors.MissingProgram("no such program: docker")
        try:
            return REAL([*inside, shutil.which(argv[0]) or argv[0], *argv[1:]], **more)
        except errors.MissingProgram:
            raise errors.MissingProgram(f"no such program: {argv[0]}") from None

    monkeypatch.setattr(process, "run", run)
    yield lambda *argv, **more: subprocess.run([*inside, *argv], capture_output=True, text=True, check=True, **more)
    subprocess.run(["ip", "netns", "delete", name], check=False)


def test_rules_and_interfaces_go_from_a_real_kernel(space, tmp_path):
    rules = ["*filter", ":KUBE-A - [0:0]", ":cali-B - [0:0]", ":SITE - [0:0]"]
    rules += ['-A INPUT -m comment --comment "cali:x y" -j cali-B', "-A INPUT -j SITE", "-A KUBE-A -j cali-B"]
    rules += ['-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-A', "-A SITE -j ACCEPT", "COMMIT"]
    space("iptables-restore", "--noflush", input="\n".join([*rules, ""]))
    space("ip", "link", "add", "flannel.1", "type", "bridge")
    space("ip", "link", "add", "eth9", "type", "bridge")
    root = tmp_path / "root"
    for name in ("flannel.1", "eth9"):
        (root / "sys/class/net" / name).mkdir(parents=True)
    cleaning = Cleaning(Machine(nodes.MACHINE, str(root)))
    found = cleaning.found()
    assert found.pop("interfaces") == ["flannel.1"] and any(what.startswith("rules of iptables") for what in found)
    with pytest.raises(errors.CommandError, match="interfaces: flannel.1"):  # the folder goes on showing it
        cleaning.clean(test=False)
    (root / "sys/class/net/flannel.1").rmdir()
    assert cleaning.found() == {}
    assert "flannel.1" not in space("ip", "link").stdout and "eth9" in space("ip", "link").stdout
    saved = space("iptables-save").stdout
    assert "-A INPUT -j SITE" in saved and "KUBE" not in saved and "cali" not in saved
