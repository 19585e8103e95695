"""The data that Salt Cloud reads, as it follows from the model: saltk8s.cloud.salt_cloud."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import salt.config
import salt.loader
import yaml
from salt.template import compile_template
from saltk8s.cloud import salt_cloud
from saltk8s.pillar import model
from tests.support import pillars

ROOT = Path(__file__).resolve().parents[3]
CASES = yaml.safe_load((ROOT / "tests" / "cases" / "cloud" / "map.yaml").read_text())
DIR = "/etc/salt"


def build(overlay=None):
    tree = pillars.merge(pillars.full(), overlay or {})
    if overlay and "nodes" in overlay:
        tree["nodes"] = {"k8s-cp1": {"roles": ["controlplane", "etcd"], "address": "10.20.0.11/24"}} | overlay["nodes"]
        if any("etcd" in node["roles"] for node in overlay["nodes"].values()):
            tree["nodes"].pop("k8s-cp1")
    return model.build(pillars.defaults(), tree)


def held(wanted, found):
    """What of ``wanted`` is otherwise in ``found``; None means that the key is not there."""
    return {key: found.get(key) for key, value in wanted.items() if found.get(key) != value}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case):
    case = yaml.safe_load(yaml.safe_dump(case).replace("<dir>", DIR))
    built = build(case["pillar"])
    if "map" in case:
        assert salt_cloud.vm_map(built) == case["map"]
    profiles = salt_cloud.profiles(built)
    for name, wanted in case.get("profiles", {}).items():
        assert held(wanted, profiles[name]) == {}
    assert held(case.get("provider", {}), salt_cloud.provider(built)["osug"]) == {}


def test_example_files_are_what_the_example_pillar_gives():
    built = build()
    for shape in (built["cloud"]["defaults"], *built["cloud"]["shapes"].values()):
        shape["ssh_private_key"] = "CHANGE-ME"
    built["cloud"]["provider"]["password"] = "CHANGE-ME"
    folder = ROOT / "cloud.profiles.d"
    wanted = {
        "osug.conf": salt_cloud.profiles(built),
        "osug.provider.example": salt_cloud.provider(built),
        "osug.map.example": salt_cloud.vm_map(built),
    }
    assert {path.name for path in folder.iterdir()} == {*wanted, "README.md"}
    assert {name: yaml.safe_load((folder / name).read_text()) for name in wanted} == wanted


def test_nothing_of_the_pillar_becomes_syntax(tmp_path):
    odd = "{{ 1 + 1 }} {% raw %} #: 'k8s' \"x\""
    built = build({"cloud": {"defaults": {"folder": odd, "tags": {odd: odd}}, "provider": {"user": odd}}})
    opts = copy.deepcopy(dict(salt.config.DEFAULT_MASTER_OPTS))
    opts |= {"cachedir": str(tmp_path), "extension_modules": str(tmp_path / "extmods")}
    for part, data in (("map", salt_cloud.vm_map(built)), ("profiles", salt_cloud.profiles(built))):
        path = tmp_path / part
        path.write_text(salt_cloud.text(built, part))
        assert yaml.safe_load(path.read_text()) == data
    # Salt Cloud renders the map, and only the map, as a template
    found = compile_template(str(tmp_path / "map"), salt.loader.render(opts, {}), "jinja|yaml", [], [])
    assert found == salt_cloud.vm_map(built)
    assert yaml.safe_load(salt_cloud.text(built, "provider")) == salt_cloud.provider(built)


def test_a_key_of_a_shape_has_a_file_of_its_own():
    mine = pillars.key_pair("of the shape")[0]
    built = build({"cloud": {"shapes": {"worker": {"ssh_private_key": mine}}}})
    keys = salt_cloud.key_texts(built)
    assert set(keys) == {f"{DIR}/cloud.keys.d/osug.pem", f"{DIR}/cloud.keys.d/osug-worker.pem"}
    assert keys[f"{DIR}/cloud.keys.d/osug-worker.pem"].strip() == mine.strip()
    assert salt_cloud.profiles(built)["osug-worker"]["private_key"] == f"{DIR}/cloud.keys.d/osug-worker.pem"


def test_without_a_key_salt_cloud_waits_for_no_minion():
    tree = pillars.full()
    tree["cloud"]["defaults"].pop("ssh_private_key")
    built = model.build(pillars.defaults(), tree)
    assert salt_cloud.key_texts(built) == {} and salt_cloud.conf(built) == {}
    assert {profile["deploy"] for profile in salt_cloud.profiles(built).values()} == {False}


def test_secrets_are_in_the_provider_alone():
    built = build()
    for part in ("profiles", "map", "conf"):
        assert not [secret for secret in pillars.canaries() if secret in salt_cloud.text(built, part)]
    assert pillars.CLOUD_PASSWORD in salt_cloud.text(built, "provider")
