"""``k8s_cluster``, its states and the formula, in a Salt minion, as the operators call them; and the module ``rke``.

SSH is real; ``rke`` and ``kubectl`` are stand-ins at the edge (see tests/support/fake_rke.py), except where noted.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess

import pytest
import saltk8s.pillar.model
from labkit import versions
from salt.exceptions import CommandExecutionError
from salt.utils.event import SaltEvent
from tests.support import fake_rke, pillars
from tests.support import rke as sample
from tests.support.salt import ADMIN, ROOT, changed, failed
from tests.support.ssh_nodes import Nodes

PASSWORD = "canary-registry-9f2kx"
NAMES = {"k8s-cp1": ["controlplane", "etcd"], "k8s-w1": ["worker"]}


class Admin:
    """An admin minion with its pillar, its programs and two nodes."""

    def __init__(self, folder, nodes, loaders):
        self.nodes, self.loaders = nodes, loaders
        self.dir, self.fake, self.bin = folder / "state", folder / "fake", folder / "bin"
        fake_rke.install(self.fake, self.bin)
        for name in ("rke", "kubectl"):
            (folder / f"{name}-source").write_bytes((self.bin / name).read_bytes())
        healthy = {"kind": "List", "items": sample.healthy_objects(list(NAMES))}
        (self.fake / "objects.json").write_text(json.dumps(healthy))
        for number in range(1, len(NAMES) + 1):
            nodes.start(number)
        self.key = nodes.key.read_text()
        self.sent: list[tuple[str, dict]] = []
        self.bus, self.tried = True, 0

    def pillar(self, **cluster):
        """A valid pillar. cluster: what differs below k8s:cluster."""
        declared = {
            name: {"roles": roles, "address": f"10.99.0.{number}"}
            for number, (name, roles) in enumerate(NAMES.items(), 1)
        }
        base = {
            "name": "test",
            "version": versions.CLUSTER,
            "admin": ADMIN,
            "state_dir": str(self.dir),
            "ssh": {
                "port": self.nodes.port,
                "private_key": self.key,
                "public_key": (self.nodes.folder / "client_key.pub").read_text().strip(),
            },
            "timeouts": {"nodes_s": 60, "up_s": 60, "ready_s": 1},
        }
        return {
            "k8s": {
                "cluster": pillars.merge(base, cluster),
                "registry": {"url": "registry.osug.example", "username": "k8s", "password": PASSWORD},
                "binaries": {name: self.binary(name) for name in ("rke", "kubectl")},
                "nodes": declared,
                "services": {"metallb": {"enabled": False}},
            }
        }

    def binary(self, name):
        """A program's pillar entry: a local copy with its checksum."""
        source = self.bin.parent / f"{name}-source"
        version = {"rke": versions.RKE, "kubectl": versions.KUBECTL}[name]
        return {"source": str(source), "sha256": hashlib.sha256(source.read_bytes()).hexdigest(), "version": version}

    def minion(self, **cluster):
        """A minion with that pillar."""
        return self.loaders(pillar=self.pillar(**cluster))

    def fire(self, data, tag):
        """Stands for the event bus, which a masterless minion has not."""
        if tag.startswith("saltk8s/"):
            self.tried += 1
            if self.bus:
                self.sent.append((tag, data))
        return self.bus

    def files(self):
        """Every file of the state folder but the lock: {name: content}."""
        if not self.dir.exists():
            return None
        found = (path for path in self.dir.rglob("*") if path.is_file() and path.name != "lock")
        return {str(path.relative_to(self.dir)): path.read_bytes() for path in found}


@pytest.fixture
def admin(tmp_path, loaders, monkeypatch):
    """An admin whose programs lie in the test's folder, and whose nodes (10.99.0.x) are on loopback."""
    build = saltk8s.pillar.model.build

    def build_here(*args, **kwargs):
        model = build(*args, **kwargs)
        model["paths"]["bin_dir"] = str(tmp_path / "bin")
        for node in model["nodes"].values():
            node["ip"] = node["ip"].replace("10.99.0.", "127.0.1.")
        return model

    monkeypatch.setattr(saltk8s.pillar.model, "build", build_here)
    sample.short_waits(monkeypatch)
    with Nodes(tmp_path) as nodes:
        there = Admin(tmp_path, nodes, loaders)
        monkeypatch.setattr(SaltEvent, "fire_event", lambda bus, data, tag, timeout=0: there.fire(data, tag))
        yield there


def test_prepared_and_up_in_test_mode_run_and_run_again(admin):
    minion = admin.minion()
    for function in ("k8s_cluster.prepared", "k8s_cluster.up"):
        preview = minion.state(function, "the cluster", test=True)
        assert preview["result"] is None and preview["changes"], preview
    assert admin.files() is None, "test mode wrote something"
    assert fake_rke.ups(admin.fake) == []
    assert minion.state("k8s_cluster.up", "the cluster", test=True)["comment"].startswith("build a cluster of 2 nodes")

    prepared = minion.state("k8s_cluster.prepared", "the cluster")
    assert set(prepared["changes"]) == {str(admin.dir), str(admin.dir / "ssh_key")}
    done = minion.state("k8s_cluster.up", "the cluster")
    assert done["result"] is True, done
    assert set(done["changes"]) == {"cluster", "version", "nodes"}
    before = admin.files()

    for test in (False, True):
        for function in ("k8s_cluster.prepared", "k8s_cluster.up"):
            again = minion.state(function, "the cluster", test=test)
            assert (again["result"], again["changes"]) == (True, {}), again
    assert len(fake_rke.ups(admin.fake)) == 1
    assert admin.files() == before

    edited = admin.minion(metrics_server=False)
    preview = edited.state("k8s_cluster.up", "the cluster", test=True)
    assert preview["result"] is None
    assert "set monitoring.provider: metrics-server -> none" in preview["comment"]
    assert admin.files() == before
    assert edited.state("k8s_cluster.up", "the cluster")["changes"] == preview["changes"]
    assert edited.state("k8s_cluster.up", "the cluster")["changes"] == {}


def test_events_carry_the_clusters_name_and_the_phase(admin):
    minion = admin.minion()
    minion.call("k8s_cluster.prepare")
    minion.call("k8s_cluster.up")
    tags = [tag for tag, _ in admin.sent]
    assert tags[0] == "saltk8s/test/rke/start"
    assert "saltk8s/test/rke/etcd" in tags
    assert tags[-1] == "saltk8s/test/rke/done"


def test_a_master_that_takes_no_events_does_not_decide_the_run(admin):
    minion = admin.minion()
    admin.bus = False
    minion.call("k8s_cluster.prepare")
    assert minion.call("k8s_cluster.up")["ran"] is True
    assert admin.tried == 2, "it is not tried for ever"


def test_failures_are_results_with_the_reason(admin):
    minion = admin.minion()
    assert "there is no SSH key" in minion.state("k8s_cluster.up", "x")["comment"]
    minion.state("k8s_cluster.prepared", "x")
    (admin.fake / "mode").write_text("fail")
    answer = minion.state("k8s_cluster.up", "x")
    assert answer["result"] is False
    assert "Failed to bring up Control Plane" in answer["comment"]
    (admin.fake / "mode").write_text("ok")
    assert minion.state("k8s_cluster.up", "x")["result"] is True
    admin.nodes.stop(admin.nodes.address(2))
    for test in (True, False):
        answer = minion.state("k8s_cluster.up", "x", test=test)
        assert (answer["result"], answer["changes"]) == (False, {})
        assert "k8s-w1 (127.0.1.2) does not answer on SSH" in answer["comment"]
        assert "k8s-cp1" not in answer["comment"]


def test_the_modules_return_all_about_the_cluster_and_no_secret(admin):
    minion = admin.minion()
    assert minion.call("rke.version") == versions.RKE
    assert minion.call("rke.versions") == ["v1.31.10-rancher1-1", versions.CLUSTER]
    assert minion.call("k8s_cluster.kubeconfig") is None
    assert minion.call("k8s_cluster.status")["exists"] is False
    assert minion.call("k8s_cluster.plan")["lines"][0] == "build a cluster of 2 nodes"
    minion.call("k8s_cluster.prepare")
    minion.call("k8s_cluster.up")
    assert minion.call("k8s_cluster.kubeconfig") == str(admin.dir / "kube_config_cluster.yml")
    assert minion.call("k8s_cluster.plan") == {"empty": True, "changes": {}, "lines": ["nothing to do"]}
    status = minion.call("k8s_cluster.status")
    assert (status["exists"], status["healthy"]) == (True, True)
    config = minion.call("k8s_cluster.config")
    assert config["private_registries"][0]["password"] == "<redacted>"
    shown = json.dumps([status, config, minion.call("k8s_cluster.plan"), admin.sent])
    assert PASSWORD not in shown
    assert admin.key.splitlines()[1] not in shown


def test_errors_are_salts_own(admin):
    (admin.fake / "offered").write_text("v1.31.10-rancher1-1")
    minion = admin.minion()
    minion.call("k8s_cluster.prepare")
    for function in ("k8s_cluster.plan", "k8s_cluster.up"):
        with pytest.raises(CommandExecutionError, match="does not offer"):
            minion.call(function)
    (admin.bin / "rke").unlink()
    with pytest.raises(CommandExecutionError, match="no such program"):
        minion.call("rke.version")


def test_the_formula_twice(admin, caplog):
    for name in ("rke", "kubectl"):
        (admin.bin / name).unlink()
    minion = admin.minion()
    kept_out = [{"id": "k8s-cluster-kubectl-for-root"}]  # it writes to /etc
    caplog.set_level("DEBUG")
    preview = minion.apply("k8s.cluster", test=True, exclude=kept_out)
    assert failed(preview) == {}
    assert set(changed(preview)) == {"k8s-cluster-rke", "k8s-cluster-kubectl", "k8s-cluster-files", "k8s-cluster-up"}
    assert list(admin.bin.iterdir()) == []
    assert admin.files() is None
    first = minion.apply("k8s.cluster", exclude=kept_out)
    assert failed(first) == {}
    assert set(changed(first)) == set(changed(preview))
    second = minion.apply("k8s.cluster", exclude=kept_out)
    assert (failed(second), changed(second)) == ({}, {})
    assert len(fake_rke.ups(admin.fake)) == 1
    for secret in (PASSWORD, admin.key.splitlines()[1]):
        assert secret not in json.dumps([preview, first, second])
        assert secret not in "\n".join(record.getMessage() for record in caplog.records if "saltk8s" in record.name)


def test_a_program_with_another_checksum_is_not_installed(admin):
    (admin.bin / "rke").unlink()
    minion = admin.minion()  # its pillar has the checksum of what is replaced now
    (admin.bin.parent / "rke-source").write_text("#!/bin/sh\n# not what was pinned\n")
    states = minion.apply("k8s.cluster", exclude=[{"id": "k8s-cluster-kubectl-for-root"}])
    assert "k8s-cluster-rke" in failed(states)
    assert "k8s-cluster-up" in failed(states)
    assert not (admin.bin / "rke").exists()
    assert fake_rke.ups(admin.fake) == []


def test_the_checksum_of_a_program_from_the_file_server(admin, tmp_path):
    """Salt ignores source_hash for its own file server, so the formula checks by itself."""
    roots = tmp_path / "roots"
    roots.mkdir()
    (roots / "rke-binary").write_bytes((admin.bin / "rke").read_bytes())
    good = hashlib.sha256((roots / "rke-binary").read_bytes()).hexdigest()
    (admin.bin / "rke").unlink()
    for sha256, there in (("0" * 64, False), (good, True)):
        pillar = admin.pillar()
        pillar["k8s"]["binaries"]["rke"] |= {"source": "salt://rke-binary", "sha256": sha256}
        minion = admin.loaders(pillar=pillar, file_roots=[roots])
        states = minion.apply("k8s.cluster", exclude=[{"id": "k8s-cluster-kubectl-for-root"}])
        assert ("k8s-cluster-rke" not in failed(states)) is there
        assert (admin.bin / "rke").exists() is there


def test_clean_keeps_the_state_and_says_so(admin):
    minion = admin.minion()
    minion.call("k8s_cluster.prepare")
    minion.call("k8s_cluster.up")
    before = admin.files()
    low = minion.low("k8s.cluster.clean")
    removed = [chunk["name"] for chunk in low if chunk["state"] == "file"]
    assert sorted(removed) == sorted([f"{admin.bin}/rke", f"{admin.bin}/kubectl", "/etc/profile.d/saltk8s.sh"])
    assert not any(str(admin.dir) in name for name in removed)
    for name in (f"{admin.bin}/rke", f"{admin.bin}/kubectl"):
        minion.state("file.absent", name)
    assert admin.files() == before
    texts = [chunk["text"] for chunk in low if chunk["fun"] == "show_notification"]
    assert str(admin.dir) in texts[0] and "kept on purpose" in texts[0]


def test_the_profile_for_root_is_shell(admin):
    chunk = next(c for c in admin.minion().low("k8s.cluster") if c["__id__"] == "k8s-cluster-kubectl-for-root")
    script = chunk["contents"] + "\necho $KUBECONFIG\n"
    output = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    assert output in (str(admin.dir / "kube_config_cluster.yml"), "")


def test_no_formula_of_the_cluster_reads_a_secret():
    for path in (ROOT / "salt" / "k8s" / "cluster").glob("*.sls"):
        text = re.sub(
            r"pillar\.get\('(forgotten|without|removed)', ''\)", "", path.read_text()
        )  # an orchestration's words
        assert not re.search(r"private_key|password|pillar\.(get|item)|pillar\[", text), path
