"""The Salt environment of a run is that of the defaults and of the monitoring's files, too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from tests.support import pillars
from tests.support.salt import FORMULAS

ADMIN = "k8s-admin.osug.example"
PROBE = """\
{%- from "k8s/map.jinja" import k8s with context %}
what is read:
  test.configurable_test_state:
    - comment: {{ [k8s.services.metallb.images.speaker,
                   salt['k8s_monitoring.files']('salt://k8s/prometheus/rules') | sort] | json | json }}
"""


@pytest.fixture
def minion(loaders, tmp_path):
    """A minion whose environment dev has another version of the pack: other defaults, one more file of rules."""
    dev = tmp_path / "dev"
    shutil.copytree(FORMULAS / "k8s", dev / "k8s")
    defaults = yaml.safe_load((dev / "k8s" / "defaults.yaml").read_text())
    defaults["services"]["metallb"]["images"]["speaker"] = "quay.io/metallb/speaker:dev"
    (dev / "k8s" / "defaults.yaml").write_text(yaml.safe_dump(defaults, sort_keys=False))
    (dev / "k8s" / "prometheus" / "rules" / "dev.yaml").write_text("groups: []\n")
    (dev / "probe.sls").write_text(PROBE)
    (dev / "own_top.sls").write_text("dev:\n  '*': [probe]\n")
    base, other = tmp_path / "base", tmp_path / "other"
    base.mkdir()
    other.mkdir()
    (base / "probe.sls").write_text(PROBE)
    (other / "one.yaml.jinja").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
        "data: {image: {{ k8s.services.metallb.images.speaker | json }}}\n"
    )
    roots = {"base": [str(base), str(FORMULAS)], "dev": [str(dev)], "other": [str(other)]}

    def make(**opts):
        found = loaders(ADMIN, pillar={"k8s": pillars.full()}, **opts)
        pillar = Path(found.opts["pillar_roots"]["base"][0])
        shutil.copy(pillar / "top.sls", pillar / "own_top.sls")  # the pillar's has the same name
        found.opts["file_roots"] = roots
        found.reload()
        return found

    return make


def is_dev(text) -> bool:
    """Whether a text has what only dev's version has; all of it or nothing."""
    found = {part in str(text) for part in ("quay.io/metallb/speaker:dev", "dev.yaml")}
    assert len(found) == 1, f"of both versions: {text}"
    return found.pop()


def test_a_state_run_reads_its_own_environment(minion):
    found = minion()
    for saltenv, dev in (("dev", True), ("base", False), ("dev", True)):
        (state,) = found.call("state.apply", "probe", saltenv=saltenv).values()
        assert is_dev(state["comment"]) is dev, saltenv


def test_a_highstate_reads_the_environment_of_the_top_file(minion):
    answer = minion(state_top="own_top.sls", saltenv=None).call("state.highstate")
    assert isinstance(answer, dict), answer
    (state,) = answer.values()
    assert state["__sls__"] == "probe" and is_dev(state["comment"])


def test_the_minions_own_environment_is_the_default(minion):
    for saltenv in ("dev", "base", None):
        found = minion(saltenv=saltenv)
        text = [found.call("k8s_config.get")["services"]["metallb"]["images"]["speaker"]]
        text.append(sorted(found.call("k8s_monitoring.rules")))
        assert is_dev(text) is (saltenv == "dev")


def test_manifests_are_rendered_with_the_model_of_their_environment(minion):
    found = minion()
    for saltenv, dev in (("dev", True), ("base", False), (None, False)):
        rendered = found.call("kubectl.render_manifests", "salt://k8s/prometheus/manifests", saltenv=saltenv)
        rules = next(obj for obj in rendered if obj["metadata"]["name"] == "prometheus-rules")
        assert ("dev.yaml" in rules["data"]) is dev, saltenv


def test_an_environment_without_the_pack_takes_the_defaults_of_base(minion):
    found = minion()
    (one,) = found.call("kubectl.render_manifests", "salt://one.yaml.jinja", saltenv="other")
    assert "speaker" in one["data"]["image"] and not one["data"]["image"].endswith(":dev")
