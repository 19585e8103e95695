"""Two clusters on one real master, a subtree of the pillar and an admin each: docs/operations/several-clusters.md."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from saltk8s.pillar import check
from tests.support import pillars
from tests.support.salt import ADMIN, FORMULAS, write_pillar

ADMINS = {"osug": ADMIN, "ipag": "ipag-admin"}
TOP = {"k8s-*": ["osug"], ADMIN: ["osug_secrets"], "ipag-*": ["ipag"], "ipag-admin": ["ipag_secrets"]}
KEYS = {name: pillars.key_pair(name) for name in ADMINS}


def tree(cluster: str, full: bool) -> dict:
    """The pillar of one of the two; the second has other nodes and addresses, and the same networks of pods."""
    found = pillars.full() if full else pillars.public()
    over = {"cluster": {"name": cluster, "admin": ADMINS[cluster], "ssh": {"public_key": KEYS[cluster][1]}}}
    over |= {"cloud": {"minion": ADMINS[cluster]}}
    if cluster != "osug":
        found = json.loads(json.dumps(found).replace("10.20.0.", "10.20.9."))
        found["nodes"] = {name.replace("k8s-", f"{cluster}-"): node for name, node in found["nodes"].items()}
    found = pillars.merge(found, over)
    return pillars.merge(found, {"cluster": {"ssh": {"private_key": KEYS[cluster][0]}}}) if full else found


@pytest.fixture
def site(salt_master):
    """The folder of the master's pillar, with both clusters."""
    folder = Path(salt_master.config["pillar_roots"]["base"][0])
    for cluster in ADMINS:
        for name, full in ((cluster, False), (f"{cluster}_secrets", True)):
            content = yaml.safe_dump({"k8s": tree(cluster, full)}, sort_keys=False)
            (folder / f"{name}.sls").write_text("#!yaml\n" + content)
    top(folder, TOP)
    yield folder
    write_pillar(folder, {})


def top(folder: Path, targets: dict) -> None:
    (folder / "top.sls").write_text(yaml.safe_dump({"base": targets}))


@pytest.fixture(scope="module")
def second(salt_master, tmp_path_factory):
    """The second cluster's admin; what it remembers of itself lies in a folder of the test."""
    over = {"enable_fqdns_grains": False, "enable_gpu_grains": False, "saltk8s_root": str(tmp_path_factory.mktemp("r"))}
    factory = salt_master.salt_minion_daemon(ADMINS["ipag"], overrides=over)
    with factory.started():
        assert factory.salt_call_cli(timeout=180).run("saltutil.sync_all").returncode == 0
        yield factory.salt_call_cli(timeout=180)


def test_each_minion_gets_its_own_clusters_pillar(site, salt_minion, second, salt_cli, salt_run_cli):
    outcome = check.run(site, FORMULAS / "k8s" / "defaults.yaml")
    assert outcome.findings == [] and {*ADMINS.values(), "k8s-w1", "ipag-w1"} <= set(outcome.minions)
    both = ",".join(ADMINS.values())
    valid = salt_cli.run("-L", "k8s_config.validate", minion_tgt=both).data
    assert {name: valid[name]["valid"] for name in ADMINS.values()} == dict.fromkeys(ADMINS.values(), True), valid
    paths = salt_cli.run("-L", "k8s_config.paths", minion_tgt=both).data
    assert {name: paths[name]["kubeconfig"].split("/")[-2] for name in paths} == {ADMIN: "osug", "ipag-admin": "ipag"}
    for cluster, names in {"osug": (ADMIN, "k8s-w1"), "ipag": ("ipag-admin", "ipag-w1")}.items():
        for name in names:
            got = salt_run_cli.run("pillar.show_pillar", name).data
            text = json.dumps(got)
            keys = {other for other, key in KEYS.items() if json.dumps(key[0])[1:-1] in text}
            assert keys == ({cluster} if name == ADMINS[cluster] else set()), name
            assert got["k8s"]["cluster"]["name"] == cluster, name


def test_an_orchestration_asks_the_nodes_of_its_admins_cluster(site, second, salt_run_cli):
    silent = str(salt_run_cli.run("state.orch", "k8s.orch.nodes", 'pillar={"admin": "ipag-admin"}', "test=True").data)
    assert "ipag-w1: its minion does not answer" in silent and "k8s-w1" not in silent


def test_a_minion_that_gets_the_other_clusters_pillar_fails(site, second):
    states = second.run("state.apply", "k8s.gitops").data
    assert {state["result"] for state in states.values()} == {True}, states
    top(site, TOP | {"ipag-*": ["osug"], "ipag-admin": []})
    for test in (True, False):
        states = second.run("state.apply", "k8s", test=test).data
        (state,) = states.values()
        assert state["result"] is False
        assert "this minion is admin and cloud of the cluster ipag" in state["comment"]
        assert "its pillar is that of the cluster osug, which does not name it" in state["comment"]
