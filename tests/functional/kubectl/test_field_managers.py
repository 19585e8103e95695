"""Fields of others stay, on a real API server and with the real kubectl, or ``changes`` of both modes have them.

``kubectl apply --server-side`` takes over what client-side applies set, and drops what is not declared. It does that in
real runs only, so each test compares what is live before and after with what both modes said.
"""

from __future__ import annotations

import json

import pytest
from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.manifests.identity import key_of
from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice, check_unchanged

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
OBJECT = "saltk8s.io/object"  # what names a member of the set: no change of what was declared
OBJECT_PATH = f'metadata.annotations["{OBJECT}"]'
LABEL_PATH = 'metadata.labels["saltk8s.io/set"]'


def text(*found):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(found)})


def small(name):
    """A Deployment that declares one variable of its container, and nothing else that may be left out."""
    container = {"name": "c", "image": "x:1", "env": [{"name": "A", "value": "1"}]}
    pod = {"metadata": {"labels": {"a": name}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"a": name}}, "template": pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def large(name):
    """The same with all that others may have added."""
    made = json.loads(json.dumps(small(name)))
    made["metadata"] |= {"annotations": {"note": "theirs"}}
    made["spec"] |= {"replicas": 3, "minReadySeconds": 4}
    pod = made["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "v", "emptyDir": {}}]
    pod["containers"][0]["env"].append({"name": "B", "value": "2"})
    pod["containers"][0]["resources"] = {"limits": {"memory": "1Gi"}}
    return made


# how an object came to be: words of kubectl; "reset" forgets all field managers afterwards
WAYS = {
    "client-side apply": ["apply"],
    "client-side apply by another manager": ["apply", "--field-manager=helm"],
    "create": ["create"],
    "create that saves its configuration": ["create", "--save-config"],
    "server-side apply by another manager": ["apply", "--server-side", "--field-manager=kustomize-controller"],
    "server-side apply by kubectl": ["apply", "--server-side"],
    "client-side apply, reset": ["apply"],
    "create, reset": ["create"],
}
KINDS = {
    "deployment": (small, large),
    "config-map": (
        lambda name: objects.config_map(name, keep="1"),
        lambda name: objects.config_map(name, keep="1", old="2"),
    ),
    "secret": (
        lambda name: objects.secret(name, user="me"),
        lambda name: objects.secret(name, user="me", password="hidden"),
    ),
}


@pytest.fixture
def made(apiserver):
    """Make an object in one of the ways."""

    def make(obj, way):
        apiserver.kubectl(*WAYS[way], "-f", "-", stdin=text(obj))
        if way.endswith("reset"):
            reset = json.dumps({"metadata": {"managedFields": [{}]}})
            apiserver.kubectl("patch", obj["kind"], obj["metadata"]["name"], "--type=merge", "-p", reset)

    return make


def live_of(apiserver, obj):
    return apiserver.get(obj["kind"], obj["metadata"]["name"])


def check_changes(apiserver, run, obj):
    """Run thrice; what is another than before is what both modes said. Return the changes of the object."""
    before = live_of(apiserver, obj)
    real = check_thrice(apiserver, run)
    changed = diff.show(key_of(obj), diff.fields(before, live_of(apiserver, obj)))
    changed.pop(OBJECT_PATH, None)
    said = dict(real["changes"][key_of(obj).title])
    said.pop("metadata.managedFields", None)
    assert said == changed
    return real["changes"][key_of(obj).title]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_adopting_takes_nothing_away(apiserver, applied, made, kind, way):
    name = f"adopt-{kind}-{list(WAYS).index(way)}"
    declared, more = (make(name) for make in KINDS[kind])
    made(more, way)
    before = live_of(apiserver, more)
    changes = check_changes(apiserver, lambda **kw: applied(name, declared, **kw), declared)
    assert list(changes) == [LABEL_PATH]
    after = live_of(apiserver, more)
    assert after.get("spec") == before.get("spec") and after.get("data") == before.get("data")
    notes = {name: text for name, text in after["metadata"].get("annotations", {}).items() if name != OBJECT}
    assert notes == before["metadata"].get("annotations", {})


@pytest.mark.parametrize("way", WAYS)
def test_a_later_change_takes_nothing_away_either(apiserver, applied, made, way):
    name = f"later-{list(WAYS).index(way)}"
    made(large(name), way)
    applied(name, small(name))
    after = objects.changed(small(name), "spec.template.metadata.labels.more", "x")
    changes = check_changes(apiserver, lambda **kw: applied(name, after, **kw), after)
    assert list(changes) == ["spec.template.metadata.labels.more"]
    live = live_of(apiserver, after)
    assert live["spec"]["replicas"] == 3 and live["metadata"]["annotations"]["note"] == "theirs"
    assert len(live["spec"]["template"]["spec"]["containers"][0]["env"]) == 2


def test_what_a_hot_fix_by_kubectl_apply_adds_stays_when_the_set_changes(apiserver, applied):
    name = "hot-fix"
    applied(name, small(name))
    fixed = json.loads(json.dumps(small(name)))
    fixed["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "B", "value": "2"})
    apiserver.kubectl("apply", "-f", "-", stdin=text(fixed))
    check_unchanged(apiserver, lambda **kw: applied(name, small(name), **kw))
    for image in ("x:2", "x:3"):
        after = objects.changed(small(name), "spec.template.spec.containers.0.image", image)
        changes = check_changes(
            apiserver, lambda after=after, **kw: applied(name, after, force_conflicts=True, **kw), after
        )
        assert list(changes) == ["spec.template.spec.containers[name=c].image"]
        env = live_of(apiserver, after)["spec"]["template"]["spec"]["containers"][0]["env"]
        assert [one["name"] for one in env] == ["A", "B"]
        apiserver.kubectl(
            "apply", "-f", "-", stdin=text(objects.changed(fixed, "metadata.annotations", {"again": image}))
        )


def test_many_objects_are_put_right_with_one_kubectl_and_no_value_is_shown(apiserver, applied):
    declared = [objects.secret(f"many-put-right-{number}", user="me") for number in range(20)]
    more = [objects.secret(obj["metadata"]["name"], user="me", password="hidden-text") for obj in declared]
    apiserver.kubectl("apply", "-f", "-", stdin=text(*more))
    mark = apiserver.mark()
    answer = applied("many-put-right", *declared)
    assert answer["result"] is True and "hidden-text" not in json.dumps(answer)
    patches = [request for request in apiserver.requests(mark) if request.write and "many-put-right-" in request.uri]
    assert len([request for request in patches if "/secrets/" in request.uri]) == 2 * len(declared)
    for obj in more:
        live = live_of(apiserver, obj)
        assert set(live["data"]) == {"user", "password"}
        assert "saltk8s" not in live["metadata"]["annotations"][LAST_APPLIED]
    mark = apiserver.mark()
    check_unchanged(apiserver, lambda **kw: applied("many-put-right", *declared, **kw))
    assert [request for request in apiserver.requests(mark) if request.verb == "patch"] == []


def test_objects_that_nobody_applied_cost_no_further_request(apiserver, applied):
    applied("nothing-to-put-right", objects.config_map("nothing-to-put-right", a="1"))
    mark = apiserver.mark()
    applied("nothing-to-put-right", objects.config_map("nothing-to-put-right", a="2"))
    patches = [request for request in apiserver.requests(mark) if "configmaps/nothing-to-put-right" in request.uri]
    assert [request.dry for request in patches if request.verb == "patch"] == [True, False]
