"""The real ``rke``: all that it does without nodes, and how it fails when nodes are not what they should be."""

from __future__ import annotations

import json
import time

import pytest
from labkit import versions as lab
from saltk8s.base import errors, process
from saltk8s.engine import registry, ssh, state_folder
from saltk8s.engine.rke import cluster_yml, log_lines, rkestate, versions
from saltk8s.engine.rke.program import Program
from tests.support import damage, pillars
from tests.support import rke as sample
from tests.support.ssh_nodes import Nodes, free_port

RENDERED = sample.case("render")


@pytest.fixture(scope="module")
def program(binaries):
    """The rke that the lab pins."""
    return Program(str(binaries["rke"]))


@pytest.fixture
def prepared(tmp_path, binaries):
    """A function that gives the engine over a model, with the real programs and a fresh key."""
    folder, bin_dir = tmp_path / "state", tmp_path / "bin"
    bin_dir.mkdir()
    for name in ("rke", "kubectl"):
        (bin_dir / name).symlink_to(binaries[name])

    def make(over, key):
        model = sample.model(over, str(folder))
        model["paths"]["bin_dir"] = str(bin_dir)
        model["cluster"]["ssh"]["private_key"] = key.read_text()
        loaded = registry.load(model)
        loaded.prepare()
        return loaded

    make.folder = folder
    return make


def test_its_version_and_what_it_offers(program):
    assert program.version() == lab.RKE
    versions.check_rke(program.version())
    assert program.offered() == ["v1.30.14-rancher1-1", "v1.31.10-rancher1-1", lab.CLUSTER]


def test_it_lists_the_images_of_a_version(program):
    images = program.images(lab.CLUSTER)
    assert f"rancher/hyperkube:{lab.HYPERKUBE}" in images
    assert f"rancher/mirrored-coreos-etcd:{lab.ETCD}" in images
    assert images == sorted(set(images))
    assert all(":" in image and " " not in image for image in images)


def test_a_version_that_it_does_not_know_is_an_error(program):
    with pytest.raises(errors.CommandError, match="not supported, supported versions are"):
        program.images("v1.99.0-rancher1-1")


@pytest.mark.parametrize("name", RENDERED)
def test_it_accepts_what_we_render(name, program, prepared, tmp_path):
    """rke validates the whole file before it writes its state; the nodes' port refuses, so that is where it ends."""
    over = pillars.merge(RENDERED[name], {"cluster": {"ssh": {"port": free_port()}}})
    for number, node in enumerate(over["nodes"].values(), 1):
        node["ip"] = f"127.0.2.{number}"
    for place in over.get("locations", {}).values():
        place["s3"]["ca"] = pillars.certificate()[0]  # rke reads it
    key = tmp_path / "key"
    process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
    loaded = prepared(over, key)
    config = loaded.render(redacted=False)
    path = prepared.folder / "cluster.yml"
    path.write_text(cluster_yml.text(config))
    with pytest.raises(errors.CommandError) as failed:
        program.run(["up", "--config", str(path)], 120, lambda line: None)
    assert failed.value.exit_status == 1
    assert "Cluster must have at least one etcd plane host" in str(failed.value)
    assert "Failed to set up SSH tunneling for host [127.0.2.1]" in str(failed.value)
    state = json.loads((prepared.folder / "cluster.rkestate").read_text())
    _same(config, state["desiredState"]["rkeConfig"])
    assert rkestate.parse(json.dumps(state))["running"] is False


def _same(config, understood):
    """What rke understood of the file, where its names are others than ours."""
    services, api = understood["services"], understood["services"]["kubeApi"]
    assert understood["kubernetesVersion"] == config["kubernetes_version"]
    wanted = config["services"]["etcd"]
    if "backup_config" in wanted:
        copies = services["etcd"]["backupConfig"]
        assert copies["retention"] == wanted["backup_config"]["retention"]
        assert copies["s3BackupConfig"]["bucketName"] == wanted["backup_config"]["s3backupconfig"]["bucket_name"]
    else:
        assert services["etcd"]["retention"] == wanted["retention"]
    assert [services["etcd"].get(key) for key in ("uid", "gid")] == [wanted.get(key) for key in ("uid", "gid")]
    assert services["kubeController"]["clusterCidr"] == config["services"]["kube-controller"]["cluster_cidr"]
    assert services["kubelet"]["clusterDnsServer"] == config["services"]["kubelet"]["cluster_dns_server"]
    assert understood["network"]["options"].items() >= config["network"]["options"].items()
    assert understood["monitoring"]["provider"] == config["monitoring"]["provider"]
    audit = config["services"]["kube-api"]["audit_log"]
    assert api["auditLog"].get("enabled", False) is audit["enabled"]
    if audit["enabled"]:
        assert len(api["auditLog"]["configuration"]["policy"]["rules"]) == len(
            audit["configuration"]["policy"]["rules"]
        )
    assert (api["secretsEncryptionConfig"].get("enabled", False)) is (
        config["services"]["kube-api"]["secrets_encryption_config"]["enabled"]
    )
    drain = understood["upgradeStrategy"]["nodeDrainInput"]
    assert (drain["ignoreDaemonSets"], drain["timeout"], drain["gracePeriod"]) == (True, 300, -1)
    given = config["services"]["kube-api"]
    assert api["extraArgsArray"] == given["extra_args_array"]
    assert api["eventRateLimit"] == given["event_rate_limit"]
    assert (
        api["admissionConfiguration"]["plugins"][0]["configuration"]
        == (given["admission_configuration"]["plugins"][0]["configuration"])
    )
    assert (
        services["kubelet"].get("generateServingCertificate", False)
        is (config["services"]["kubelet"]["generate_serving_certificate"])
    )
    for component, content in config["services"].items():
        name = {"kube-api": "kubeApi", "kube-controller": "kubeController"}.get(component, component)
        assert services[name].get("extraArgs", {}).items() >= content.get("extra_args", {}).items(), component


def test_nodes_without_a_reachable_docker_socket(prepared, tmp_path, monkeypatch):
    """The whole of up: our check of the nodes passes, then the real rke meets SSH servers that forward no socket."""
    monkeypatch.setattr(ssh, "POLL_S", 0.05)
    with Nodes(tmp_path) as nodes:
        over = {
            "nodes": {
                "cp1": {"roles": ["controlplane", "etcd"], "ip": nodes.start(1)},
                "w1": {"roles": ["worker"], "ip": nodes.start(2)},
            },
            "cluster": {"ssh": {"port": nodes.port}},
        }
        loaded = prepared(over, nodes.key)
        with pytest.raises(errors.CommandError, match=r"(?s)rke up failed.*at least one etcd plane host"):
            loaded.up()
        saved = prepared.folder / "cluster.rkestate"
        keys = json.loads(saved.read_text())["desiredState"]["certificatesBundle"]
        assert [path.name.rsplit(".", 1)[1] for path in sorted((prepared.folder / "backups").iterdir())] == ["failed"]
        assert "an earlier run made the keys" in " ".join(loaded.up(test=True).lines)
        with pytest.raises(errors.CommandError):
            loaded.up()
        again = json.loads(saved.read_text())["desiredState"]["certificatesBundle"]
        assert again["kube-ca"] == keys["kube-ca"], "the cluster's keys survive a failed first run"
        assert loaded.status()["last_run"]["status"] == "failed"


def test_its_state_is_whole_or_damaged_and_a_later_run_is_told(prepared, tmp_path, monkeypatch):
    """The file that the real rke writes, cut off anywhere; its runs that fail push out no copy of one that did not."""
    monkeypatch.setattr(state_folder, "KEPT_BACKUPS", 2)
    with Nodes(tmp_path) as nodes:
        over = {"nodes": {"cp1": {"roles": ["controlplane", "etcd"], "ip": nodes.start(1)}}}
        loaded = prepared({**over, "cluster": {"ssh": {"port": nodes.port}}}, nodes.key)
        saved, states = prepared.folder / "cluster.rkestate", []
        for _ in range(4):
            with pytest.raises(errors.CommandError):
                loaded.up()
            states.append(rkestate.load(saved))
            if len(states) == 1:
                good = state_folder.backup(saved, prepared.folder / "backups", "after", rkestate.usable)
            time.sleep(1)  # a certificate's time has whole seconds
    issued = [state["issued"] for state in states]
    assert issued == sorted(set(issued)), "each run made a new administrator's certificate"
    assert len({state["certificates"] for state in states}) == 1 and len({tuple(s["ca"]) for s in states}) == 1
    assert good in state_folder.backups(prepared.folder / "backups", saved.name)
    text = saved.read_text()
    assert rkestate.usable(text)
    assert [len(cut) for cut in damage.cut_off(text, len(text) // 300) if rkestate.usable(cut)] == []
    assert [more[len(text) :] for more in damage.longer(text) if rkestate.usable(more)] == []


def test_its_lines_are_parsed(program, tmp_path):
    (tmp_path / "cluster.yml").write_text("nodes: []\n")
    lines = []
    with pytest.raises(errors.CommandError):
        program.run(["up", "--config", str(tmp_path / "cluster.yml")], 60, lines.append)
    assert log_lines.Line("info", f"Running RKE version: {lab.RKE}", None) in lines
    assert lines[-1].level == "fatal"


def test_a_file_that_is_no_yaml(program, tmp_path):
    (tmp_path / "cluster.yml").write_text("nodes: [\n")
    with pytest.raises(errors.CommandError, match="Failed to parse cluster file"):
        program.run(["up", "--config", str(tmp_path / "cluster.yml")], 60, lambda line: None)
