"""``shared_namespaces``: what others made is replaced there, and what fails there does not stop the rest of a set."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from tests.support import kubectl as objects

_numbers = itertools.count()
STAY = "example.org/stay"


def policy(space: str, spec: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    spec = {"podSelector": {}, "policyTypes": ["Ingress"]} if spec is None else spec
    made = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": spec}
    return made | {"metadata": {"name": "deny", "namespace": space, **meta}}


def binding(space: str, role: str, **meta: Any) -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    made = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "mine", "namespace": space, **meta},
    }
    return made | {"roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role}}


def config_map(space: str, name: str, **meta: Any) -> dict[str, Any]:
    made = objects.config_map(name, a="1")
    return made | {"metadata": {"name": name, "namespace": space, **meta}}


class Place:
    """Two namespaces of tenants, and a set with objects in both."""

    def __init__(self, apiserver, applied):
        number = next(_numbers)
        self.api, self._applied = apiserver, applied
        self.one, self.two, self.set = f"shared-a{number}", f"shared-b{number}", f"shared-{number}"
        for space in (self.one, self.two):
            apiserver.kubectl("create", "namespace", space)

    def run(self, *declared: dict[str, Any], **kw: Any) -> dict[str, Any]:
        return self._applied(self.set, *declared, shared_namespaces=[self.one, self.two], **kw)


@pytest.fixture
def place(apiserver, applied):
    return Place(apiserver, applied)


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"labels": {"saltk8s.io/set": "mine"}},
        {"finalizers": [STAY]},
        {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}]},
    ],
    ids=["plain", "of another set", "with a finalizer", "with an owner"],
)
def test_what_others_made_is_replaced(place, meta):
    open_to_all = {"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Ingress"], "ingress": [{}]}
    place.api.apply(policy(place.one, open_to_all, **meta), binding(place.one, "view", **meta))
    declared = [policy(place.one), binding(place.one, "edit"), config_map(place.two, "web")]
    foretold = place.run(*declared, test=True)
    assert foretold["result"] is None, foretold["comment"]
    done = place.run(*declared)
    assert done["result"] is True, done["comment"]
    assert list(done["changes"]) == list(foretold["changes"])
    live = place.api.get("networkpolicy", "deny", "-n", place.one)
    assert live["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert not live["metadata"].get("finalizers") and not live["metadata"].get("ownerReferences")
    assert live["metadata"]["labels"]["saltk8s.io/set"] == place.set
    assert place.api.get("rolebinding", "mine", "-n", place.one)["roleRef"]["name"] == "edit"
    again = place.run(*declared)
    assert again["result"] is True and again["changes"] == {}, again["comment"]


def test_what_is_of_the_set_is_changed_and_not_replaced(place):
    assert place.run(policy(place.one))["result"] is True
    before = place.api.get("networkpolicy", "deny", "-n", place.one)["metadata"]["uid"]
    place.api.apply(policy(place.one, {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}))
    changed = place.run(policy(place.one))
    assert changed["result"] is True and len(changed["changes"]) == 1, changed["comment"]
    after = place.api.get("networkpolicy", "deny", "-n", place.one)
    assert after["metadata"]["uid"] == before and after["spec"]["policyTypes"] == ["Ingress"]


def test_what_is_rejected_in_one_namespace_does_not_stop_the_rest(place):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"configmaps": "0"}}}
    place.api.apply(quota | {"metadata": {"name": "full", "namespace": place.one}})
    place.api.set_status("resourcequota", "full", {"hard": {"configmaps": "0"}, "used": {"configmaps": "0"}}, place.one)
    declared = [config_map(place.one, "web"), config_map(place.two, "web"), policy(place.one)]
    for test in (True, False):
        done = place.run(*declared, test=test)
        assert done["result"] is False and f"ConfigMap {place.one}/web" in done["comment"], done["comment"]
        assert "exceeded quota" in done["comment"] and "not done, apart from the rest of the set:" in done["comment"]
        assert f"ConfigMap {place.one}/web" not in done["changes"]
        assert {f"ConfigMap {place.two}/web", f"NetworkPolicy {place.one}/deny"} <= done["changes"].keys()
    assert place.api.get("configmap", "web", "-n", place.two)
    again = place.run(*declared)
    assert again["result"] is False and again["changes"] == {}, again
    place.api.kubectl("delete", "resourcequota", "full", "-n", place.one)
    assert list(place.run(*declared)["changes"]) == [f"ConfigMap {place.one}/web"]


def test_what_a_finalizer_holds_is_named_and_does_not_stop_the_rest(place):
    stuck = config_map(place.one, "stuck", finalizers=[STAY])
    place.run(stuck, config_map(place.two, "old"), config_map(place.two, "kept"))
    done = place.run(config_map(place.two, "kept"), config_map(place.two, "new"), timeout_s=3)
    assert done["result"] is False and f"ConfigMap {place.one}/stuck" in done["comment"], done["comment"]
    assert STAY in done["comment"]
    assert {f"ConfigMap {place.two}/{name}" for name in ("old", "new")} <= done["changes"].keys()
    assert place.api.get("configmap", "old", "-n", place.two) is None
    place.api.kubectl(
        "patch", "configmap/stuck", "-n", place.one, "--type=merge", "-p", '{"metadata": {"finalizers": null}}'
    )
    assert place.run(config_map(place.two, "kept"), config_map(place.two, "new"))["result"] is True


def test_elsewhere_an_object_of_others_is_an_error_as_ever(place, applied):
    place.api.apply(policy(place.one, labels={"saltk8s.io/set": "mine"}))
    done = applied(place.set, policy(place.one), shared_namespaces=[place.two])
    assert done["result"] is False and "belongs to the set 'mine'" in done["comment"]
