"""With ``kubeconfig=`` the functions of ``kubectl`` need no model: the pillar may be invalid, empty or missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from salt.exceptions import CommandExecutionError
from tests.support import kubectl as objects

PILLARS = {
    "missing": {},
    "empty": {"k8s": {}},
    "nothing": {"k8s": None},
    "invalid": {"k8s": {"clutser": 1}},
    "text": {"k8s": "x"},
}
PLAIN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: rendered}\ndata: {a: '{{ 1 + 1 }}'}\n"


@pytest.mark.parametrize("pillar", PILLARS)
def test_no_function_needs_the_model(apiserver, loaders, monkeypatch, tmp_path, pillar):
    monkeypatch.setenv("PATH", str(Path(apiserver.kubectl_path).parent), prepend=os.pathsep)
    minion, name = loaders(pillar=PILLARS[pillar]), f"other-{pillar}"
    own = {"kubeconfig": str(apiserver.kubeconfig)}
    (tmp_path / "one.yaml.jinja").write_text(PLAIN.replace("rendered", name))
    declared = {"source": str(tmp_path / "one.yaml.jinja"), "objects": [objects.config_map(f"{name}-too", a="1")]}
    done = minion.call("kubectl.apply", name, **declared, wait=False, **own)
    assert {f"ConfigMap default/{name}", f"ConfigMap default/{name}-too"} <= set(done["changes"])
    assert minion.call("kubectl.diff", name, **declared, **own)["changes"] == {}
    assert minion.state("kubectl.applied", name, **declared, wait=False, **own)["result"] is True
    assert len(minion.call("kubectl.list_set", name, kinds="ConfigMap.v1.", **own)) >= 2
    assert minion.call("kubectl.get", "configmap", name, **own)["data"] == {"a": "2"}
    for function in ("version", "list_nodes", "list_rollouts", "api_resources", "events"):
        minion.call(f"kubectl.{function}", **own)
    assert minion.state("kubectl.absent", name, **own)["result"] is True
    assert minion.call("kubectl.get", "configmap", name, **own) is None


def test_a_template_that_needs_the_model_says_why_there_is_none(apiserver, loaders, tmp_path):
    (tmp_path / "one.yaml.jinja").write_text(PLAIN.replace("1 + 1", "k8s.cluster.name"))
    given = {"source": str(tmp_path / "one.yaml.jinja"), "kubeconfig": str(apiserver.kubeconfig)}
    with pytest.raises(CommandExecutionError) as raised:
        loaders(pillar=PILLARS["invalid"]).call("kubectl.apply", "needs", **given)
    assert "'k8s' is undefined; line 4; there is no k8s: " in str(raised.value) and "clutser" in str(raised.value)


def test_without_a_kubeconfig_the_pillar_has_to_be_valid(loaders):
    with pytest.raises(CommandExecutionError, match="clutser"):
        loaders(pillar=PILLARS["invalid"]).call("kubectl.list_nodes")
