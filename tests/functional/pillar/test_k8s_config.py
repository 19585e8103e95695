"""``k8s_config`` on minions: in process, and on a real minion of a real master (newer Salt masks pillar there)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import salt.loader
from labkit import versions as lab
from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import version as versions
from saltk8s.pillar import model as models
from support.gitserver import until
from tests.support import pillars
from tests.support.salt import write_pillar

ADMIN = "k8s-admin.osug.example"
SPEAKER = "quay.io/metallb/speaker:v0.15.2"


def hidden(pillar):
    """Wrap pillar data as a minion does that got it from a master; only newer Salt has it."""
    try:
        from salt.utils.secret import hide
    except ImportError:
        return pillar
    return hide(pillar)


@pytest.fixture
def admin(loaders):
    return with_pillar(loaders(ADMIN, pillar={"k8s": pillars.full()}), {"k8s": pillars.full()})


def with_pillar(minion, pillar):
    """Give a minion another pillar, as it would arrive from a master; what modules remember stays."""
    minion.opts["pillar"] = hidden(pillar)
    minion.modules = salt.loader.minion_mods(minion.opts, utils=minion.utils, context=minion.context)
    return minion


def leaks(value) -> list[str]:
    text = json.dumps(value) + str(value)
    return [canary for canary in pillars.canaries() if canary in text]


def test_the_model_on_the_admin(admin):
    model = admin.call("k8s_config.get", secrets=True)
    assert model["minion"] == {"id": ADMIN, "roles": ["admin", "cloud"]}
    assert model["registry"]["password"] == pillars.REGISTRY_PASSWORD
    assert model["cluster"]["ssh"]["private_key"] == pillars.key_pair()[0]
    assert type(model["registry"]) is dict, "plain data, whose text is not masked"
    assert "**********" not in json.dumps(model)
    assert admin.call("k8s_config.paths")["kubeconfig"] == "/var/lib/saltk8s/osug/kube_config_cluster.yml"


def test_the_model_on_a_worker(loaders):
    worker = loaders("k8s-w1", pillar={"k8s": pillars.public()})
    model = worker.call("k8s_config.get")
    assert model["minion"] == {"id": "k8s-w1", "roles": ["node"]}
    assert model["registry"]["password"] is None
    assert worker.call("k8s_config.node")["ip"] == "10.20.0.21"
    assert worker.call("k8s_config.node", "k8s-cp1")["roles"] == ["controlplane", "etcd"]
    assert worker.call("k8s_config.node", "k8s-w9") is None
    assert worker.call("k8s_config.validate") == {"valid": True, "problems": [], "warnings": []}


def test_the_model_is_built_once_and_everybody_has_a_copy(admin, monkeypatch):
    built = []
    real = models.build
    monkeypatch.setattr(models, "build", lambda *args, **kwargs: built.append(1) or real(*args, **kwargs))
    first = admin.call("k8s_config.get")
    first["nodes"].clear()
    assert len(admin.call("k8s_config.get")["nodes"]) == 6
    assert admin.call("k8s_config.node", "k8s-w1")["name"] == "k8s-w1"
    assert len(built) == 1
    with_pillar(admin, {"k8s": pillars.merge(pillars.full(), {"docker": {"log_files": 7}})})
    assert admin.call("k8s_config.get")["docker"]["log_files"] == 7
    assert len(built) == 2


def test_a_job_returns_no_secret(admin):
    job = {"__pub_fun": "k8s_config.get", "__pub_jid": "20261123000000000000"}
    for model in (admin.call("k8s_config.get", secrets=secrets, **job) for secrets in (False, True)):
        assert model["registry"]["password"] == "<redacted>"
        assert leaks(model) == []
    with pytest.raises(SaltInvocationError, match="k8s_config.get has no argument 'unmask'"):
        admin.call("k8s_config.get", unmask=True)


def test_the_mine_and_a_state_that_runs_a_function_get_no_secret(admin):
    returned = admin.state("module.run", "it", **{"k8s_config.get": []})
    assert returned["changes"]["k8s_config.get"]["registry"]["password"] == "<redacted>"
    assert leaks(returned) == []
    assert leaks(admin.call("k8s_config.get")) == []  # as mine.update calls it


def test_a_pillar_that_is_not_valid(loaders):
    over = {"registry": {"url": "https://x"}, "cluster": {"ssh": {"private_key": "canary-no-key"}, "name": "A B"}}
    minion = loaders(ADMIN, pillar={"k8s": pillars.merge(pillars.full(), over)})
    for function in ("get", "node", "images", "paths"):
        with pytest.raises(CommandExecutionError) as caught:
            minion.call(f"k8s_config.{function}")
        assert "3 problems in the pillar:" in str(caught.value)
        assert "k8s:cluster:ssh:private_key: got <redacted>; expected" in str(caught.value)
        assert "canary" not in str(caught.value)
    answer = minion.call("k8s_config.validate")
    assert answer["valid"] is False
    assert [problem["path"] for problem in answer["problems"]] == [
        "k8s:cluster:name",
        "k8s:cluster:ssh:private_key",
        "k8s:registry:url",
    ]
    assert leaks(answer) == []


def test_no_pillar_is_one_clear_error(loaders):
    minion = loaders("k8s-w1", pillar={})
    with pytest.raises(CommandExecutionError) as caught:
        minion.call("k8s_config.get")
    assert str(caught.value).splitlines()[1:] == [
        "  k8s: got nothing; expected the platform's pillar: does top.sls give it to this minion?"
    ]


def test_the_images_to_mirror(admin):
    answer = admin.call("k8s_config.images")
    assert answer["services"]["metallb"] == ["quay.io/metallb/controller:v0.15.2", SPEAKER]
    assert answer["services"]["traefik"] == ["traefik:v3.6.12"]
    enabled = {name for name, service in admin.call("k8s_config.get")["services"].items() if service["enabled"]}
    assert set(answer["services"]) == enabled - {"canal", "tenants"}, "all but those without a program of their own"
    assert answer["mirror"][SPEAKER] == "registry.osug.example/metallb/speaker:v0.15.2"
    assert answer["missing"].startswith("system images: "), "this minion has no rke"
    assert admin.call("k8s_config.image", SPEAKER) == "registry.osug.example/metallb/speaker:v0.15.2"


def test_the_images_of_rke(loaders, binaries, monkeypatch):
    """The real rke says which images it deploys."""
    minion = loaders(ADMIN, pillar={"k8s": pillars.without(pillars.full(), "registry")})
    monkeypatch.setattr(models, "BIN_DIR", str(binaries["rke"].parent))
    answer = minion.call("k8s_config.images")
    assert answer["missing"] is None
    assert f"rancher/hyperkube:{lab.HYPERKUBE}" in answer["system"]
    services = {image for found in answer["services"].values() for image in found}
    assert set(answer["mirror"]) == {*answer["system"], *services}
    assert all(image == pulled for image, pulled in answer["mirror"].items()), "no registry: pulled from where it is"


def test_defaults_that_are_not_on_the_file_server(loaders, tmp_path):
    """Then those beside the package serve, as after an installation with pip."""
    minion = loaders(ADMIN, pillar={"k8s": pillars.full()})
    minion.opts["file_roots"]["base"][:] = [str(tmp_path)]
    assert minion.call("k8s_config.get")["cluster"]["engine"] == "rke"


def test_two_versions_are_noticed(admin, monkeypatch, tmp_path):
    package = tmp_path / "salt" / "_utils" / "saltk8s"
    shutil.copytree(versions.PACKAGE, package)
    (package / "base" / "files.py").write_text("")
    monkeypatch.setattr(versions, "PACKAGE", package)
    answer = admin.call("k8s_config.validate")
    assert answer["valid"] and str(package) in answer["warnings"][0]


def test_a_privileged_tenant_is_valid_and_warned_of(loaders):
    privileged = {"tenants": {"ige": {"pod_security": "privileged", "pod_security_reason": "drives a detector"}}}
    minion = loaders(ADMIN, pillar={"k8s": pillars.merge(pillars.full(), privileged)})
    answer = minion.call("k8s_config.validate")
    assert answer["valid"] and "k8s:tenants:ige:pod_security: privileged" in answer["warnings"][0]


def test_module_and_package_are_of_one_version(admin):
    assert admin.call("k8s_config.validate")["warnings"] == []


def test_on_a_real_minion(minion_pillar, salt_call_cli, salt_cli, salt_minion):
    """Synced from a real master, with the pillar as it arrives: a state sees the secret, a job's return does not."""
    minion_id = salt_minion.id
    tree = pillars.merge(pillars.full(), {"cluster": {"admin": minion_id}})
    minion_pillar({"k8s": tree})
    assert salt_call_cli.run("k8s_config.validate").data == {"valid": True, "problems": [], "warnings": []}
    for answer in (
        salt_call_cli.run("k8s_config.get"),
        salt_cli.run("k8s_config.get", minion_tgt=minion_id),
    ):
        assert answer.data["minion"] == {"id": minion_id, "roles": ["admin", "cloud"]}
        assert answer.data["registry"]["password"] == "<redacted>"
        assert leaks([answer.stdout, answer.stderr]) == []
    template = (
        "{{ salt['k8s_config.get'](secrets=True)['registry']['password'] == '" + pillars.REGISTRY_PASSWORD + "' }}"
    )
    rendered = salt_call_cli.run(
        "slsutil.renderer", string=f"secret_is_plain: {template}", default_renderer="jinja|yaml"
    )
    assert rendered.data == {"secret_is_plain": True}
    minion_pillar({"k8s": pillars.merge(tree, {"registry": {"password": "**********"}})})
    answer = salt_call_cli.run("k8s_config.get")
    assert answer.returncode != 0
    assert "k8s:registry:password: got **********; expected the value itself, not Salt's mask" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_job_reads_the_pillar_of_now_and_the_schedule_the_one_in_memory(
    minion_pillar, salt_master, salt_cli, salt_run_cli, salt_minion
):
    minion_id, ref = salt_minion.id, SPEAKER
    tree = pillars.merge(pillars.full(), {"cluster": {"admin": minion_id}})

    def registry(name):
        return {"k8s": pillars.merge(tree, {"registry": {"url": f"{name}.example.org"}})}

    minion_pillar(registry("before"))
    folder = Path(salt_master.config["pillar_roots"]["base"][0])
    write_pillar(folder, registry("after"))
    assert salt_cli.run("k8s_config.image", ref, minion_tgt=minion_id).data.startswith("after.example.org/")
    job = {"function": "k8s_config.image", "job_args": [ref], "seconds": 86400, "run_on_start": True, "persist": False}
    try:
        assert salt_cli.run("schedule.add", "probe", minion_tgt=minion_id, **job).data["result"]
        last = lambda: str(salt_run_cli.run("jobs.last_run", function=job["function"]).data)  # noqa: E731
        until(lambda: "before.example.org/" in last(), "the schedule ran it with the pillar in memory", 60, 1)
    finally:
        salt_cli.run("schedule.delete", "probe", minion_tgt=minion_id)
    (folder / "data.sls").write_text("#!yaml\nk8s: [\n")
    answer = salt_cli.run("k8s_config.validate", minion_tgt=minion_id).data
    assert not answer["valid"] and "the pillar could not be rendered" in answer["problems"][0]["expected"]
    refused = salt_cli.run("k8s_config.image", ref, minion_tgt=minion_id)
    assert "the pillar could not be rendered, nothing was done" in str(refused.data) and "Traceback" not in refused.data
