"""Clusters that were built by hand, taken over: rke's own code says that nothing is recreated, and our plan agrees."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from labkit import versions
from saltk8s.base import errors
from saltk8s.engine.rke import cluster_yml, rkestate
from saltk8s.engine.rke.planning import changes
from saltk8s.engine.rke.takeover import adoption, importing, reading
from tests.support import pillars, rke_state, takeover
from tests.support import rke as sample

NAMES = sorted(path.stem for path in takeover.CASES.glob("*.yml"))
VERSION = versions.CLUSTER
DRAWN = 8


def read(text):
    config = reading.parse(text)
    return {**config, "kubernetes_version": config.get("kubernetes_version") or VERSION}


def taken(config):
    """The tree of the pillar, and the ``cluster.yml`` that it builds."""
    found = importing.pillar_of(config, VERSION, "adm", takeover.complete)
    tree = pillars.merge(takeover.site(found.public), found.secret)
    for number, node in enumerate(tree["nodes"].values(), 1):
        if node["address"] == "CHANGE-ME":
            node["address"] = f"192.0.2.{number}"
    return tree, cluster_yml.build(takeover.complete(tree))


@pytest.fixture(scope="module")
def drawn():
    """The ``cluster.yml`` of drawn pillars."""
    found = []

    @settings(
        max_examples=DRAWN,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(takeover.trees())
    def collect(tree):
        found.append(cluster_yml.text(cluster_yml.build(takeover.complete(takeover.site(tree)))))

    collect()
    return {f"drawn {number}": text for number, text in enumerate(found)}


@pytest.fixture(scope="module")
def of_rke(binaries, tmp_path_factory, drawn):
    """What rke would change when ours follows theirs: of all cases, in one call."""
    folder, asked = tmp_path_factory.mktemp("plans"), {}
    texts = {name: (takeover.CASES / f"{name}.yml").read_text() for name in NAMES} | drawn
    for number, (name, text) in enumerate(texts.items()):
        config = read(text)
        before, after = folder / f"{number}-theirs.yml", folder / f"{number}-ours.yml"
        before.write_text(f"kubernetes_version: {VERSION}\n{text}" if "kubernetes_version: v" not in text else text)
        if 'kubernetes_version: ""' in text:
            before.write_text(text.replace('kubernetes_version: ""', f"kubernetes_version: {VERSION}"))
        after.write_text(cluster_yml.text(taken(config)[1]))
        asked[name] = {"before": str(before), "after": str(after), "existing": False}
    program = binaries["rke-plan"]
    done = subprocess.run([program], input=json.dumps([*asked.values()]), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(asked, json.loads(done.stdout), strict=True))


def test_rke_changes_nothing(of_rke):
    assert len(of_rke) >= len(NAMES) + 5
    for name, found in of_rke.items():
        assert found["addons"] == {}, name
        assert found["certificates"] == ["kube-admin"], name  # which is made anew with each run
        for node in found["nodes"].values():
            assert node == {"drained": False, "recreated": []}, name


class Hand:
    """A cluster that was built by hand: its files, a real rke's, and the admin's model."""

    def __init__(self, folder, rke, name):
        self.file, self.program = folder / "hand" / "cluster.yml", rke
        self.file.parent.mkdir()
        self.file.write_text((takeover.CASES / f"{name}.yml").read_text())
        command = [rke, "up", "--init", "--config", self.file]
        subprocess.run(command, cwd=self.file.parent, check=True, capture_output=True)
        state = json.loads(self.state_file.read_text())
        running = state["desiredState"]
        # the nodes do not answer, so rke left them out
        nodes = [rke_state.spelled(node) for node in sample.hand_written_nodes(self.config)]
        running["rkeConfig"]["nodes"] = nodes
        self.write({**state, "desiredState": running, "currentState": running})
        self.file.with_name("kube_config_cluster.yml").write_text("apiVersion: v1\nkind: Config\n")
        self.tree, _ = taken(self.config)
        self.folder = folder / "state"

    @property
    def state_file(self):
        return self.file.with_suffix(".rkestate")

    @property
    def config(self):
        return read(self.file.read_text())

    def write(self, state):
        self.state_file.write_text(json.dumps(state))

    def model(self, over=None):
        """The admin's model, with the real rke."""
        tree = pillars.merge(self.tree, {"cluster": {"state_dir": str(self.folder)}})
        model = takeover.complete(pillars.merge(tree, over or {}))
        model["paths"]["bin_dir"] = str(self.program.parent)
        return model

    def take_over(self, test=False, over=None):
        return adoption.take_over(self.model(over), self.file, test)


@pytest.fixture(scope="module")
def built(binaries, tmp_path_factory):
    """One of each of two: made once, because rke makes keys."""
    return {name: Hand(tmp_path_factory.mktemp(name), binaries["rke"], name) for name in ("calm", "rich")}


@pytest.fixture(params=["calm", "rich"])
def hand(request, built, tmp_path):
    one = built[request.param]
    one.folder = tmp_path / "state"
    text, state = one.file.read_text(), one.state_file.read_text()
    yield one
    one.file.write_text(text)
    one.state_file.write_text(state)


def test_the_first_plan_says_nothing_to_do(hand):
    first = hand.take_over(test=True)
    assert first["plan"] == ["nothing to do"]
    assert first["changes"]
    assert not hand.folder.exists()
    assert hand.take_over() == first
    assert hand.take_over() == {"changes": {}, "plan": ["nothing to do"]}
    assert hand.take_over(test=True)["changes"] == {}
    assert {path.name: oct(path.stat().st_mode)[-3:] for path in hand.folder.glob("*.*")} == {
        "cluster.rkestate": "600",
        "kube_config_cluster.yml": "600",
        "last-run.json": "600",
    }
    assert "canary" not in (hand.folder / "last-run.json").read_text()


def test_the_engine_reads_the_record_as_one_of_its_own(hand):
    hand.take_over()
    assert plan(hand).empty
    changed = plan(hand, {"cluster": {"extra_args": {"kubelet": {"max-pods": "99"}}}})
    assert list(changed.options) == ["services.kubelet.extra_args.max-pods"]
    assert all("kubelet" in one.recreated for one in changed.touched.values())


def plan(hand, over=None):
    """What the engine plans from its files."""
    model = hand.model(over)
    record = json.loads((hand.folder / "last-run.json").read_text())
    state = rkestate.load(model["paths"]["state_file"])
    config = cluster_yml.in_order(cluster_yml.build(model), state["nodes"])
    return changes.plan_of(cluster_yml.fingerprinted(config, record["salt"]), state, record, record["rke"])


def test_a_file_that_is_not_what_runs_is_refused(hand):
    hand.file.write_text(hand.file.read_text().replace("role: [worker]", "role: [worker, etcd]"))
    with pytest.raises(errors.Refused, match=r"not what runs.* nodes\..*\.role"):
        hand.take_over(test=True)


def test_a_flag_that_went_from_the_file_is_refused(hand):
    state = json.loads(hand.state_file.read_text())
    state["currentState"]["rkeConfig"]["services"]["kubelet"].setdefault("extraArgs", {})["left"] = "behind"
    hand.write(state)
    with pytest.raises(errors.Refused, match=r"services\.kubelet\.extra_args\.left"):
        hand.take_over(test=True)


def test_another_state_is_not_replaced(hand):
    hand.folder.mkdir()
    (hand.folder / "cluster.rkestate").write_text("{}")
    with pytest.raises(errors.Refused, match="with another content"):
        hand.take_over()


def test_what_is_fixed_is_refused(hand):
    with pytest.raises(errors.Refused, match="dns_domain"):
        hand.take_over(test=True, over={"cluster": {"dns_domain": "other.local"}})


def test_the_command_writes_a_pillar_that_only_lacks_what_no_file_has(hand, tmp_path):
    key = tmp_path / "id"
    private, public = pillars.key_pair()
    key.write_text(private)
    words = ["take-over", "--admin", "adm", "--key", key, "--rke", hand.program, hand.file, tmp_path / "pillar"]
    first = run(*words)
    assert first.returncode == 0, first.stderr
    assert "canary" not in first.stdout + first.stderr
    assert "PRIVATE KEY" not in first.stdout
    folder = tmp_path / "pillar"
    assert oct((folder / "k8s/secrets.sls").stat().st_mode)[-3:] == "600"
    texts = {path.name: path.read_text() for path in folder.rglob("*.sls")}
    assert "canary" not in texts["cluster.sls"] + texts["nodes.sls"]
    tree = {}
    for name in ("cluster", "nodes", "secrets"):
        tree = pillars.merge(tree, yaml.safe_load(texts[f"{name}.sls"])["k8s"])
    assert tree["cluster"]["ssh"]["private_key"] == private
    assert tree["cluster"]["ssh"]["public_key"].split()[:2] == public.split()[:2]
    assert "nothing to write" in run(*words).stdout
    (folder / "k8s/nodes.sls").write_text("k8s: {}\n")
    again = run(*words)
    assert again.returncode == 1
    assert "another k8s/nodes.sls" in again.stderr


def run(*words):
    """The command, as an operator types it."""
    command = [sys.executable, "-m", "saltk8s", *map(str, words)]
    env = {"PYTHONPATH": str(pillars.ROOT / "salt/_utils"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)
