"""A commit that takes away what another object of it needs: refused in both modes, or written in the right order."""

from __future__ import annotations

import copy

import pytest
from tests.support import enabling
from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice


@pytest.fixture
def refused(apiserver, applied):
    """Apply a set in both modes; it has to be refused, with that text."""

    def check(text, name, *declared, **kwargs):
        mark = apiserver.mark()
        for test in (True, False):
            answer = applied(name, *declared, test=test, **kwargs)
            assert answer["result"] is False and answer["changes"] == {} and text in answer["comment"], answer
        assert [request for request in apiserver.requests(mark) if request.write] == []

    return check


def test_a_field_that_the_new_definition_lacks(apiserver, applied, refused):
    group, name = "lacks.example.org", "lacks"
    old, new = enabling.definition(group, color={"type": "string"}), objects.definition("Site", group)
    site, plain = enabling.site(group, color="red"), enabling.site(group)
    applied(name, old, site)
    refused(f"Site.{group} default/one: spec.color: field not declared in schema of the definition", name, new, site)
    check_thrice(apiserver, lambda **kw: applied(name, new, plain, **kw))


def test_a_misspelt_field_beside_a_new_one(applied, refused):
    group, name = "misspelt.example.org", "misspelt"
    new, site = enabling.definition(group, color={"type": "string"}), enabling.site(group, colour="red")
    refused(f"Site.{group} default/one: spec.colour: field not declared", name, new, site)  # both are new
    applied(name, objects.definition("Site", group), enabling.site(group))
    refused(f"Site.{group} default/one: spec.colour: field not declared", name, new, site)


def test_a_version_that_the_new_definition_does_not_serve(applied, refused):
    group, name = "unserved.example.org", "unserved"
    old, site = objects.definition("Site", group), enabling.site(group)
    applied(name, old, site)
    new = copy.deepcopy(old)
    new["spec"]["versions"].append(old["spec"]["versions"][0] | {"name": "v2", "storage": False})
    new["spec"]["versions"][0]["served"] = False
    refused("its definition in this set does not serve the version v1, only v2", name, new, site)


@pytest.mark.parametrize("what", ["Namespace", "CustomResourceDefinition"])
def test_what_something_declared_lives_in_is_not_pruned(applied, refused, what):
    if what == "Namespace":
        title, holder, inside = "Namespace held", objects.namespace("held"), objects.config_map("in", "held")
    else:
        holder, inside = objects.definition("Site", "held.example.org"), enabling.site("held.example.org")
        title = "CustomResourceDefinition sites.held.example.org"
    name = f"held-{what.lower()}"
    applied(name, holder, inside)
    refused(f"{title} would be deleted, and ", name, inside, unprotect=[title])
    assert applied(name, holder, inside)["changes"] == {}


def test_objects_of_a_replaced_definition_are_created_again(apiserver, applied):
    group, name = "again.example.org", "again"
    before = [objects.definition("Site", group), enabling.site(group), enabling.site(group, "two")]
    after = [objects.definition("Site", group, "Cluster"), objects.custom("Site", group, "one", None)]
    title = f"CustomResourceDefinition sites.{group}"
    applied(name, *before)
    allowed = {"replace": [title], "unprotect": [title]}
    real = check_thrice(apiserver, lambda **kw: applied(name, *after, **allowed, **kw))
    assert real["changes"][title] == {"spec.scope": {"old": "Namespaced", "new": "Cluster"}}
    assert real["changes"][f"Site.{group} one"] == {"old": None, "new": "created"}
    assert apiserver.get(f"sites.{group}", "one")["spec"] == {"size": 1}


def tighter(name: str):
    """A pod or a claim that is accepted now, and what would reject it, before and after."""
    if name == "level":
        ns = objects.namespace(name)
        before, after = (enabling.labelled(ns, enforce=level) for level in ("privileged", "restricted"))
        return before, after, enabling.pod("p", name, hostNetwork=True), "Namespace level"
    if name == "limits":
        before, after = (enabling.limits(name, memory) for memory in ("4Gi", "1Gi"))
        return before, after, enabling.pod("p", name, "2Gi"), "LimitRange limits/limits"
    before, after = (
        enabling.make("StorageClass", name, provisioner="example.org/x", allowVolumeExpansion=grows)
        for grows in (True, False)
    )
    return before, after, None, f"StorageClass {name}"


@pytest.mark.parametrize("name", ["level", "limits"])
def test_what_tightens_is_written_after_what_is_accepted_now(apiserver, applied, name):
    before, after, new, title = tighter(name)
    apiserver.apply(objects.namespace(name))
    applied(name, before)
    mark = apiserver.mark()
    real = check_thrice(apiserver, lambda **kw: applied(name, after, new, **kw))
    assert {title, f"Pod {name}/p"} <= set(real["changes"])
    written = [request.uri for request in apiserver.requests(mark) if request.write]
    assert "/pods/p" in written[-2] and "/pods/p" not in written[-1]


def test_a_claim_grows_before_its_class_forbids_it(apiserver, applied):
    before, after, _, title = tighter("growing")

    def claim(size):
        requests = {"resources": {"requests": {"storage": size}}, "accessModes": ["ReadWriteOnce"]}
        return enabling.make(
            "PersistentVolumeClaim", "grows", "default", spec=requests | {"storageClassName": "growing"}
        )

    applied("growing", before, claim("1Gi"))
    apiserver.set_status("pvc", "grows", {"phase": "Bound"})
    apiserver.kubectl("patch", "pvc", "grows", "--type=merge", "-p", '{"spec": {"volumeName": "v"}}')
    real = check_thrice(apiserver, lambda **kw: applied("growing", after, claim("2Gi"), **kw))
    assert {title, "PersistentVolumeClaim default/grows"} <= set(real["changes"])
