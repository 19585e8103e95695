"""Two real API servers of one cluster, and the first of them stops: the other one is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from cryptography import x509
from saltk8s.base import errors, process
from saltk8s.engine.rke import cluster_yml
from saltk8s.kubectl.client import kubeconfig, program, servers, serving
from saltk8s.kubectl.client.program import Kubectl
from tests.support import kubectl as objects
from tests.support import pillars
from tests.support import rke as sample

NO_CONFIG = "https://127.0.0.1:1"


@pytest.fixture
def cluster(own_apiserver, tmp_path, monkeypatch):
    """Both servers, the first one stopped by ``kill``; its kubeconfig leads to the first one."""
    monkeypatch.setattr(servers, "_chosen", {})
    with own_apiserver.second() as url:
        own_apiserver.second_url = url
        own_apiserver.path = tmp_path / "kubeconfig"
        shutil.copy(own_apiserver.kubeconfig, own_apiserver.path)
        yield own_apiserver
        own_apiserver.kill()
    own_apiserver.start_apiserver()


@pytest.fixture
def kubectl(cluster):
    """kubectl, to which both servers are known, and a third one that never was."""
    known = [cluster.url, NO_CONFIG, cluster.second_url]
    return Kubectl(str(cluster.path), binary=cluster.kubectl_path, api_servers=known)


def test_the_other_one_is_asked_once_the_first_has_stopped(cluster, kubectl):
    before = cluster.path.read_bytes()
    kubectl.apply([objects.config_map("first")], False, False)
    assert servers.chosen(str(cluster.path)) is None
    cluster.kill()
    kubectl.apply([objects.config_map("second")], False, False)
    names = [obj["metadata"]["name"] for obj in kubectl.objects("get", "configmaps", "-n", "default")]
    assert {"first", "second"} <= {*names}
    assert servers.chosen(str(cluster.path)) == cluster.second_url
    alone = Kubectl(str(cluster.path), binary=cluster.kubectl_path, api_servers=[cluster.url])
    with pytest.raises(errors.Unreachable, match="connection refused"):
        alone.run("get", "nodes")
    assert cluster.path.read_bytes() == before


def test_one_that_hangs_is_left_and_a_write_is_not_sent_twice(cluster, kubectl, monkeypatch):
    monkeypatch.setattr(program, "REQUEST_TIMEOUT_S", 2)
    with cluster.paused("kube-apiserver"):
        assert kubectl.objects("get", "namespace", "default")
        servers.forget(str(cluster.path))
        with pytest.raises(errors.Unreachable, match="timed out"):
            kubectl.apply([objects.config_map("hanging")], False, False)
        kubectl.apply([objects.config_map("hanging")], False, False)


def test_while_the_first_answers_nothing_more_is_run(cluster, kubectl, monkeypatch):
    runs = []
    monkeypatch.setattr(process, "run", lambda argv, run=process.run, **more: runs.append(argv) or run(argv, **more))
    kubectl.objects("get", "namespaces")
    with pytest.raises(errors.SaltK8sError):
        kubectl.run("get", "namespace", "none")
    assert len(runs) == 2
    assert not [word for argv in runs for word in argv if word.startswith("--server")]


def test_without_any_the_error_is_that_of_the_first(cluster):
    known = [cluster.url, NO_CONFIG]
    cluster.kill()
    with pytest.raises(errors.Unreachable, match=f"connection refused.*127.0.0.1:{cluster.port}"):
        Kubectl(str(cluster.path), binary=cluster.kubectl_path, api_servers=known).run("get", "nodes")


def test_the_kubeconfig_is_led_to_the_one_that_answers(cluster, kubectl):
    before = yaml.safe_load(cluster.path.read_text())
    assert serving.check(kubectl, False, False)["changes"] == {}
    cluster.kill()
    for test in (True, False):
        found = serving.check(kubectl, test, False)
        assert found["changes"] == {str(cluster.path): {"old": cluster.url, "new": cluster.second_url}}
        assert kubeconfig.server(str(cluster.path)) == (cluster.url if test else cluster.second_url)
    after = yaml.safe_load(cluster.path.read_text())
    before["clusters"][0]["cluster"]["server"] = cluster.second_url
    assert after == before
    assert cluster.path.stat().st_mode & 0o777 == 0o600
    assert serving.check(kubectl, False, False)["changes"] == {}
    assert Kubectl(str(cluster.path), binary=cluster.kubectl_path).objects("get", "namespace", "default")


def test_one_that_came_back_in_the_same_run_keeps_the_kubeconfig(cluster, kubectl):
    cluster.kill()
    kubectl.objects("get", "namespaces")
    cluster.start_apiserver()
    assert serving.check(kubectl, False, True)["changes"] == {}
    assert kubeconfig.server(str(cluster.path)) == cluster.url
    assert servers.chosen(str(cluster.path)) is None


def test_states_go_on_and_the_cluster_stays_usable(cluster, loaders, tmp_path, monkeypatch):
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    path = shutil.copy(cluster.path, state_dir / "kube_config_cluster.yml")
    monkeypatch.setattr(servers, "of", lambda model: [cluster.url, cluster.second_url])
    monkeypatch.setenv("PATH", str(Path(cluster.kubectl_path).parent), prepend=os.pathsep)
    minion = loaders(pillar={"k8s": pillars.merge(pillars.full(), {"cluster": {"state_dir": str(state_dir)}})})
    cluster.kill()
    for test in (True, False, False):
        led = minion.state("k8s_cluster.usable", "x", test=test)
        done = minion.state("kubectl.applied", "led", test=test, objects=[objects.config_map("led")])
        assert done["result"] is not False, done
        again = led["result"]
    assert again is True
    assert (led["changes"], done["changes"]) == ({}, {})
    assert kubeconfig.server(path) == cluster.second_url


def test_rkes_certificate_has_every_control_plane(binaries, tmp_path):
    model = sample.model({"nodes": sample.many_nodes(5)})
    (tmp_path / "cluster.yml").write_text(cluster_yml.text(cluster_yml.build(model)))
    argv = ["cert", "generate-csr", "--config", str(tmp_path / "cluster.yml"), "--cert-dir", str(tmp_path / "certs")]
    subprocess.run([str(binaries["rke"]), *argv], check=True, capture_output=True)
    request = x509.load_pem_x509_csr((tmp_path / "certs" / "kube-apiserver-csr.pem").read_bytes())
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    known = {urlsplit(url).hostname for url in servers.of(model)}
    assert known == {"10.20.0.1", "10.20.0.2", "10.20.0.3"}
    assert known <= addresses
