"""What the API server is asked about the values that a definition of the same run will have to accept."""

from __future__ import annotations

from saltk8s.base import errors
from saltk8s.kubectl.manifests.identity import key_of
from saltk8s.kubectl.sets.actions import CHANGE, CREATE, Action, Plan
from saltk8s.kubectl.sets.admission import schemas
from saltk8s.kubectl.sets.reader import Live
from tests.support import enabling as made
from tests.support import kubectl as objects


class Cluster:
    """A cluster whose API server rejects definitions for these fields, and remembers what it was asked."""

    def __init__(self, *fields, webhooks=()):
        self.fields, self.webhooks, self.asked = fields, webhooks, []

    def objects(self, *words):
        return list(self.webhooks)

    def apply(self, found, **how):
        assert how["dry_run"] is True
        self.asked += found
        if self.fields:
            error = errors.Invalid("x", by="validation")
            error.fields = list(self.fields)
            raise error


PATH = "spec.validation.openAPIV3Schema.properties[objects].default"


def rejected(cluster, *sites, changes=None, live=None, **fields):
    declared = objects.declare(made.definition("example.org", **fields), *sites)
    verb = CHANGE if changes is not None else CREATE
    plan = Plan({key: Action(CREATE, key) for key in declared})
    plan.put(*(Action(verb, key_of(site), changes or {}) for site in sites))
    return {key.name: str(err) for key, err in schemas.rejected(cluster, plan, declared, live or Live()).items()}


def test_each_object_is_named_with_a_field_of_its_own():
    size = "spec.size in body should be greater than or equal to 1"
    cluster = Cluster(
        (f"{PATH}.[1].spec.color", 'Unsupported value: "blue"'),
        (f"{PATH}.[0].spec.size", f"Invalid value: 0: [0].{size}"),
        (PATH, 'Invalid value: "": "[2].spec.a" must validate one and only one schema (oneOf). Found none valid'),
    )
    found = rejected(cluster, *(made.site("example.org", name) for name in ("a", "b", "c")))
    by = ": by the definition that this run writes"
    assert found == {
        "a": f"Site.example.org default/a: spec.size: Invalid value: 0: {size}{by}",
        "b": f'Site.example.org default/b: spec.color: Unsupported value: "blue"{by}',
        "c": f"Site.example.org default/c: spec.a: must validate one and only one schema (oneOf). Found none valid{by}",
    }
    assert len(cluster.asked) == 1


def test_what_is_wrong_with_the_definition_is_not_about_an_object():
    cluster = Cluster(("spec.validation.openAPIV3Schema.properties[objects].items.type", "Required value"))
    assert rejected(cluster, made.site("example.org")) == {}


def test_of_an_object_that_exists_only_what_changes_counts():
    site = made.site("example.org")
    live = Live(members={key_of(site): site})
    cluster = Cluster((f"{PATH}.[0].spec.color", "Unsupported value"), (f"{PATH}.[0].spec.size", "Invalid value"))
    assert rejected(cluster, site, live=live, changes={("metadata", "labels", "a"): (1, 2)}) == {}
    assert "spec.size" in rejected(cluster, site, live=live, changes={("spec", "size"): (1, 2)})["one"]


def test_rules_are_asked_for_one_by_one():
    rule = {"type": "string", "x-kubernetes-validations": [{"rule": "self != 'blue'"}]}
    cluster = Cluster()
    rejected(cluster, *(made.site("example.org", name) for name in ("a", "b", "c")), color=rule)
    assert len(cluster.asked) == 3


def test_a_webhook_that_changes_objects_leaves_nothing_certain():
    rules = [{"apiGroups": ["*"], "resources": ["*"]}]
    cluster = Cluster((f"{PATH}.[0].spec.size", "Invalid value"), webhooks=[{"webhooks": [{"rules": rules}]}])
    assert rejected(cluster, made.site("example.org")) == {} and cluster.asked == []


def test_what_has_no_say_is_left_out_and_properties_of_such_names_stay():
    rules = [{"rule": "self.a == oldSelf.a"}, {"rule": "self.a > 1"}]
    inner = {"type": "object", "description": "x", "x-kubernetes-validations": rules}
    inner["properties"] = {"description": {"type": "string", "description": "y", "default": "z"}}
    found = schemas.judging({"type": "object", "properties": {"spec": inner}})
    assert found["x-kubernetes-embedded-resource"] is True
    assert found["properties"]["spec"] == {
        "type": "object",
        "properties": {"description": {"type": "string"}},
        "x-kubernetes-validations": rules[1:],
    }
