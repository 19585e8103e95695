"""The offline check: which minions it looks at, what it says, and that it does not repeat what it must not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml
from saltk8s.pillar import check
from tests.support import pillars

DEFAULTS = pillars.defaults()
MESSAGE = "-----BEGIN PGP MESSAGE-----\n\nhQEMA5PZ\n=abcd\n-----END PGP MESSAGE-----\n"
ADMIN = "k8s-admin.osug.example"
NODES = ["k8s-cp1", "k8s-cp2", "k8s-cp3", "k8s-gpu1", "k8s-w1", "k8s-w2"]


def judge(give, targets=("*", ADMIN)):
    """Judge what ``give(minion)`` returns as that minion's ``k8s`` tree."""
    return check.judge(lambda minion: {"k8s": give(minion)}, targets, DEFAULTS)


def good(minion):
    return pillars.full() if minion == ADMIN else pillars.public()


def test_a_valid_pillar():
    outcome = judge(good)
    assert (outcome.minions, outcome.findings) == ([ADMIN, *NODES], [])
    assert check.as_text(outcome, "here") == "here: valid for 7 minions"
    found = json.loads(check.as_json(outcome))
    assert found == {"valid": True, "minions": [ADMIN, *NODES], "problems": [], "warnings": []}


def test_one_problem_of_all_minions_is_said_once():
    outcome = judge(lambda minion: pillars.merge(good(minion), {"docker": {"log_max": "big"}}))
    assert [(finding.path, finding.minions) for finding in outcome.findings] == [
        ("k8s:docker:log_max", [ADMIN, *NODES])
    ]
    assert check.as_text(outcome, "here").splitlines()[0] == "here: 1 problem"
    assert len(check.as_text(outcome, "here").splitlines()) == 2


def test_a_problem_of_some_minions_names_them():
    outcome = judge(
        lambda minion: pillars.merge(good(minion), {"docker": {"log_max": "big"}} if minion in NODES[:5] else {})
    )
    assert check.as_text(outcome, "here").splitlines()[2].strip() == "on k8s-cp1, k8s-cp2, k8s-cp3, k8s-gpu1 and 1 more"


def test_a_secret_on_a_worker():
    outcome = judge(lambda minion: good(ADMIN if minion == "k8s-w1" else minion))
    assert {finding.path for finding in outcome.findings} == {
        "k8s:cluster:ssh:private_key",
        "k8s:registry:password",
        "k8s:cloud:provider:password",
        "k8s:cloud:defaults:ssh_private_key",
        "k8s:services:traefik:default_tls:key",
        "k8s:locations:backup:s3:access_key",
        "k8s:locations:backup:s3:secret_key",
        "k8s:locations:etcd:s3:access_key",
        "k8s:locations:etcd:s3:secret_key",
        "k8s:services:backup:encryption_password",
        "k8s:services:vsphere:password",
        "k8s:services:prometheus:receivers:ops:mattermost",
    }
    assert {tuple(finding.minions) for finding in outcome.findings} == {("k8s-w1",)}
    text = check.as_text(outcome, "here") + check.as_json(outcome)
    assert "no secret: this minion is neither" in text
    assert not [canary for canary in pillars.canaries() if canary in text]


def test_a_secret_missing_on_the_admin():
    outcome = judge(lambda minion: pillars.public())
    assert {tuple(finding.minions) for finding in outcome.findings} == {(ADMIN,)}
    assert len(outcome.findings) == 10


def test_a_secret_that_is_encrypted_is_a_secret():
    message = {"registry": {"password": "-----BEGIN PGP MESSAGE-----\nabc"}}
    assert judge(lambda minion: pillars.merge(good(minion), message if minion == ADMIN else {})).findings == []
    outcome = judge(lambda minion: pillars.merge(good(minion), message))
    assert [finding.path for finding in outcome.findings] == ["k8s:registry:password"]


def test_a_node_without_pillar():
    outcome = judge(lambda minion: None if minion == "k8s-w2" else good(minion))
    assert [(finding.path, finding.minions) for finding in outcome.findings] == [("k8s", ["k8s-w2"])]


def test_the_platform_is_found_when_only_named_minions_have_it():
    outcome = judge(lambda minion: None if minion == check.PROBE else good(minion), ["k8s-w*", "k8s-cp1", ADMIN])
    assert (outcome.minions, outcome.findings) == ([ADMIN, *NODES], [])


def test_a_minion_of_another_platform_is_not_looked_at():
    outcome = judge(lambda minion: {"x": 1} if minion == "mail" else good(minion), ["*", "mail"])
    assert "mail" not in outcome.minions and outcome.findings == []


def test_nobody_has_the_platform():
    outcome = judge(lambda minion: None)
    assert [finding.path for finding in outcome.findings] == ["k8s"]
    assert outcome.minions == []


@pytest.mark.parametrize("tree", [[], "x", {"nodes": ["a"], "cluster": "b", "cloud": 1}, {"nodes": {1: 2, None: 3}}])
def test_whatever_the_pillar_is(tree):
    assert judge(lambda minion: tree).findings


def test_the_lines_of_a_file_are_not_repeated():
    error = "Rendering SLS 'k8s.secrets' failed, render error:\nmapping values; line 4\n\n---\npassword: hunter2\n---"
    assert check.without_source(error) == ("Rendering SLS 'k8s.secrets' failed, render error: mapping values; line 4")


def run(*argv):
    """Run the command as an operator does; return (exit status, output, standard error)."""
    env = {"PYTHONPATH": str(pillars.ROOT / "_utils"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-m", "saltk8s", "check", *map(str, argv)], env=env, text=True, capture_output=True
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_with_a_valid_pillar(tmp_path):
    assert run(pillars.write(tmp_path)) == (0, f"{tmp_path}: valid for 7 minions\n", "")


def test_the_command_with_the_example_as_it_is():
    code, out, err = run("--json", pillars.EXAMPLE)
    answer = json.loads(out)
    assert (code, err, answer["valid"]) == (1, "", False)
    assert {problem["value"] for problem in answer["problems"]} == {"CHANGE-ME"}
    assert answer["minions"] == [ADMIN, *NODES]


def test_the_command_without_a_folder_or_a_top_file(tmp_path):
    code, out, _ = run(tmp_path / "nowhere")
    assert code == 1 and "a pillar folder" in out
    code, out, _ = run(tmp_path)
    assert code == 1 and "top.sls: got no such file" in out


def test_the_command_with_files_that_cannot_be_rendered(tmp_path):
    folder = pillars.write(tmp_path)
    (folder / "k8s" / "secrets.sls").write_text("k8s:\n  registry:\n    password: canary-broken\n   x: [\n")
    code, out, err = run(folder)
    assert code == 1 and "pillar: got" in out and "k8s.secrets" in out and f"on {ADMIN}" in out
    assert "canary-broken" not in out + err
    (folder / "k8s" / "nodes.sls").write_text("k8s: {{ nothing.there.at.all }}\n")
    code, out, err = run(folder)
    assert code == 1 and "k8s.nodes" in out and "Traceback" not in out + err
    (folder / "top.sls").write_text("base: [")
    code, out, err = run(folder)
    assert code == 1 and out.count("\n") == 2 and "Traceback" not in out + err


def test_the_command_with_a_file_that_is_not_there(tmp_path):
    folder = pillars.write(tmp_path)
    (folder / "k8s" / "nodes.sls").unlink()
    code, out, _ = run(folder)
    assert code == 1 and "'k8s.nodes' in environment 'base' is not available" in out


def test_the_command_with_secrets_that_it_cannot_decrypt(tmp_path):
    folder = pillars.write(tmp_path)

    def encrypted(value):
        return {key: encrypted(item) for key, item in value.items()} if isinstance(value, dict) else MESSAGE

    secrets = yaml.safe_dump({"k8s": encrypted(pillars.secret_values())})
    (folder / "k8s" / "secrets.sls").write_text(f"#!yaml|gpg\n{secrets}")
    assert run(folder) == (0, f"{folder}: valid for 7 minions\n", "")


def test_the_command_with_a_node_twice(tmp_path):
    """YAML would keep the last one and say nothing."""
    folder = pillars.write(tmp_path)
    text = (folder / "k8s" / "nodes.sls").read_text()
    again = "    k8s-w1:\n      roles: [worker]\n      address: 10.20.0.99/24\n"
    (folder / "k8s" / "nodes.sls").write_text(text.replace("  nodes:\n", f"  nodes:\n{again}", 1))
    code, out, _ = run(folder)
    assert code == 1 and "k8s-w1" in out and "k8s.nodes" in out


def test_the_command_renders_by_minion_id(tmp_path):
    """Jinja, the minion's id and the top file's own matching work as on a master."""
    folder = pillars.write(tmp_path)
    (folder / "k8s" / "odd.sls").write_text(
        "k8s:\n  docker:\n    log_files: {{ 5 if grains.id == 'k8s-w1' else 'many' }}\n"
    )
    top = yaml.safe_load((folder / "top.sls").read_text())
    top["base"]["k8s-w*"] = ["k8s.odd"]
    (folder / "top.sls").write_text(yaml.safe_dump(top))
    code, out, _ = run("--json", folder)
    assert code == 1
    assert [(item["path"], item["minions"]) for item in json.loads(out)["problems"]] == [
        ("k8s:docker:log_files", ["k8s-w2"])
    ]


def test_the_command_without_defaults(tmp_path):
    code, out, err = run("--defaults", tmp_path / "nowhere.yaml", pillars.EXAMPLE)
    assert (code, out) == (2, "") and "cannot read the defaults" in err


def two(minion, over=None):
    """Two clusters on one master: each minion gets its own, by the beginning of its id."""
    if not minion.startswith(("a-", "b-")):
        return None
    tree = pillars.full() if minion.endswith("admin") else pillars.public()
    which, number = minion[0], "1" if minion[0] == "a" else "2"
    tree = {
        **tree,
        "nodes": {f"{which}-n{one}": {**node, "shape": None} for one, node in enumerate(tree["nodes"].values())},
    }
    for one, node in enumerate(tree["nodes"].values()):
        node["address"] = f"10.20.{number}.{one + 10}"
    tree = pillars.merge(tree, {"cluster": {"name": which, "admin": f"{which}-admin"}})
    return pillars.merge(tree, (over or {}).get(which, {}))


def shared(over):
    """The problems between two clusters."""
    outcome = judge(lambda minion: two(minion, over), ["a-*", "a-admin", "b-*", "b-admin"])
    return {finding.path: finding.expected for finding in outcome.findings if "a and b have it" in finding.expected}


def test_several_clusters_are_all_looked_at():
    outcome = judge(two, ["a-*", "a-admin", "b-*", "b-admin"])
    assert {"a-admin", "a-n0", "b-admin", "b-n0"} <= set(outcome.minions)
    assert not [one for one in outcome.findings if "cluster" in one.expected], outcome.findings


@pytest.mark.parametrize("targets", [["a-*", "b-*"], ["a-admin", "b-*"], ["a-* or b-n?"], ["L@a-admin,b-admin"]])
def test_a_cluster_is_looked_at_that_only_a_pattern_leads_to(targets):
    outcome = judge(lambda minion: two(minion, {"b": {"docker": {"log_files": "x"}}}), targets)
    assert {"a-admin", "a-n0", "b-admin", "b-n0"} <= set(outcome.minions)
    assert "k8s:docker:log_files" in {finding.path for finding in outcome.findings}


@pytest.mark.parametrize(
    ("target", "ids"),
    [
        ("k8s-w1", ["k8s-w1"]),
        ("*", ["saltk8s-check"]),
        ("osug-*", ["osug-saltk8s-check"]),
        ("*.osug.example", ["saltk8s-check.osug.example"]),
        ("k8s-[wc]?", ["k8s-w0"]),
        ("k8s-[!w]1", ["k8s-01"]),
        ("L@a,b", ["a", "b"]),
        ("osug-* and not ( osug-w1 or G@os:Debian )", ["osug-saltk8s-check", "osug-w1"]),
        ("E@osug-.*", []),
        ("[", []),
        ("", []),
    ],
)
def test_what_a_target_means(target, ids):
    assert check.example_ids(target) == ids


def test_two_clusters_share_no_address():
    assert "an address of k8s:nodes" in shared({"b": {"nodes": {"b-n0": {"address": "10.20.1.10"}}}})


def test_a_node_is_of_one_cluster():
    over = {"b": {"nodes": {"a-n0": {"roles": ["worker"], "address": "10.20.2.99"}}}}
    outcome = judge(lambda minion: two(minion, over), ["a-*", "a-admin", "b-*", "b-admin"])
    expected = {finding.expected for finding in outcome.findings if finding.path == "k8s:nodes:a-n0"}
    assert expected == {
        "one cluster's alone: a and b have it",
        "a minion that gets the pillar of b, not that of a",
    }


def test_a_name_is_one_clusters():
    outcome = judge(lambda minion: two(minion, {"b": {"cluster": {"name": "a"}}}), ["a-*", "a-admin", "b-*", "b-admin"])
    assert "a-admin and b-admin are admins of it" in str(outcome.findings)
