"""A second engine is a folder of the library and nothing else: `state.apply k8s` runs to its end with it.

The tree is copied, ``tests/support/bare_engine`` is put into the copy's library as ``engine/bare``, and ``salt-call``
syncs and applies the copy. Nothing else of the copy is touched, except that its programs go to the test's own folder.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest
from labkit import versions
from support import packaging
from tests.support import pillars
from tests.support.salt import ADMIN, ROOT, changed, failed, write_pillar

KEPT_OUT = [{"id": "k8s-cluster-kubectl-for-root"}]  # it writes to /etc
NAMES = {"k8s-cp1": ["controlplane", "etcd"], "k8s-w1": ["worker"]}
# bareadm up KUBECONFIG NODE...: registers the nodes with the test's API server
BAREADM = """#!/bin/sh
set -e
[ "$1" = up ]
cp "KUBECONFIG" "$2"
kubectl="KUBECTL --kubeconfig $2"
shift 2
for node; do
  echo "registering $node"
  printf '{"apiVersion":"v1","kind":"Node","metadata":{"name":"%s"}}' "$node" | $kubectl apply -f -
  ready='{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
  $kubectl patch node "$node" --subresource=status --type=merge -p "$ready"
done
"""


class Site:
    """An admin that gets everything from the copy."""

    def __init__(self, folder, api):
        self.state, self.bin = folder / "state", folder / "bin"
        self.bin.mkdir()
        source = packaging.copy(folder / "source")
        library = source / "salt" / "_utils" / "saltk8s"
        shutil.copytree(ROOT / "tests" / "support" / "bare_engine", library / "engine" / "bare")
        model = library / "pillar" / "model.py"  # not to /usr/local/bin
        model.write_text(model.read_text().replace('"/usr/local/bin"', repr(str(self.bin))))
        bareadm = folder / "bareadm"
        bareadm.write_text(BAREADM.replace("KUBECONFIG", str(api.kubeconfig)).replace("KUBECTL", str(api.kubectl_path)))
        binaries = {
            "bareadm": self.binary(bareadm, "v0.1.0"),
            "kubectl": self.binary(api.kubectl_path, versions.KUBECTL),
        }
        write_pillar(folder / "minion" / "pillar", {"k8s": self.pillar(binaries)})
        self.minion = packaging.Masterless(
            sys.executable, folder / "minion", file_roots={"base": [str(source / "salt")]}, saltk8s_root=str(folder)
        )
        self.minion.call("saltutil.sync_all")

    @staticmethod
    def binary(path, version):
        """A program's pillar entry: a local file with its checksum."""
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        return {"source": str(path), "sha256": digest, "version": version}

    def pillar(self, binaries):
        """A valid pillar with tenants as its only service."""
        private, public = pillars.key_pair()
        services = {name: {"enabled": name == "tenants"} for name in pillars.defaults()["services"]}
        return {
            "cluster": {
                "name": "test",
                "engine": "bare",
                "version": versions.KUBECTL,
                "admin": ADMIN,
                "state_dir": str(self.state),
                "ssh": {"private_key": private, "public_key": public},
            },
            "binaries": binaries,
            "nodes": {
                name: {"roles": roles, "address": f"10.99.0.{number}"}
                for number, (name, roles) in enumerate(NAMES.items(), 1)
            },
            "services": services,
            "tenants": {"resif": {"namespaces": ["resif"], "admins": ["grp-resif-dev"]}},
        }

    def apply(self, *words):
        """Apply `k8s`; return {state id: answer}."""
        answer = self.minion.call("state.apply", "k8s", f"exclude={json.dumps(KEPT_OUT)}", *words)
        assert isinstance(answer, dict), answer
        return {one["__id__"]: one for one in sorted(answer.values(), key=lambda one: one["__run_num__"])}


@pytest.fixture(scope="module")
def site(tmp_path_factory, own_apiserver):
    """The admin of a cluster of ``bare``, before its first run."""
    return Site(tmp_path_factory.mktemp("bare"), own_apiserver)


def test_everything_is_applied_with_it(site, own_apiserver):
    preview = site.apply("test=True")
    assert failed(preview) == {}
    assert preview["k8s-cluster-up"]["comment"].startswith("build a cluster of 2 nodes")
    assert not site.state.exists() and list(site.bin.iterdir()) == []
    first = site.apply()
    assert failed(first) == {}
    assert {"k8s-cluster-bareadm", "k8s-cluster-kubectl", "k8s-cluster-up", "k8s-tenants-applied"} <= set(first)
    assert list(first)[-1] == "k8s-services-summary"
    assert set(changed(first)["k8s-cluster-up"]) == {"cluster", "version", "nodes"}
    assert {node["metadata"]["name"] for node in own_apiserver.get("nodes")["items"]} == set(NAMES)
    assert own_apiserver.get("namespace", "resif") is not None
    second = site.apply()
    assert (failed(second), changed(second)) == ({}, {})
    assert [path.name for path in site.state.rglob("*rke*")] == []


def test_what_operators_ask_names_no_other_engine(site):
    assert site.minion.call("k8s_cluster.programs") == ["bareadm", "kubectl"]
    images = site.minion.call("k8s_config.images")
    assert (images["system"], images["missing"]) == ([f"registry.k8s.io/kube-apiserver:{versions.KUBECTL}"], None)
    clean = site.minion.call("state.show_low_sls", "k8s.cluster.clean")
    gone = [chunk["name"] for chunk in clean if chunk["state"] == "file"]
    assert gone == [f"{site.bin}/bareadm", f"{site.bin}/kubectl", "/etc/profile.d/saltk8s.sh"]


def test_the_pillar_of_one_engine_is_not_that_of_another(site):
    pillar = site.minion.call("pillar.raw", "k8s")
    pillar["cluster"]["version"] = versions.CLUSTER
    del pillar["binaries"]["bareadm"]
    write_pillar(site.minion.folder / "pillar", {"k8s": pillar})
    problems = site.minion.call("k8s_config.validate")["problems"]
    assert [problem["path"] for problem in problems] == [
        "k8s:cluster:version",
        "k8s:binaries:bareadm:source",
        "k8s:binaries:bareadm:sha256",
        "k8s:binaries:bareadm:version",
    ]
