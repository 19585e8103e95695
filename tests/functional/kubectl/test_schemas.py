"""Values that a definition of the same set rejects: told before anything is written, by the API server itself."""

from __future__ import annotations

import subprocess

import pytest
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.sets.actions import CREATE, Action, Plan
from saltk8s.kubectl.sets.admission import schemas
from saltk8s.kubectl.sets.reader import Live
from tests.support import enabling
from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice

RED = {"type": "string", "enum": ["red"]}
RULE = {"type": "string", "x-kubernetes-validations": [{"rule": "self != 'blue'", "message": "blue is taken"}]}
WRONG = {"enum": (RED, 'spec.color: Unsupported value: "blue"'), "rule": (RULE, "spec.color: Invalid value")}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("existing", [True, False])
def test_a_value_that_the_new_schema_rejects(apiserver, applied, refused, what, existing):
    schema, text = WRONG[what]
    name = f"rejects-{what}-{existing}".lower()
    group = f"{name}.example.org"
    new, blue, red = enabling.definition(group, color=schema), *(enabling.site(group, color=c) for c in ("blue", "red"))
    if existing:
        old = enabling.definition(group, color={"type": "string"})
        applied(name, old, enabling.site(group))
    refused(f"Site.{group} default/one: {text}", name, new, blue)
    assert ": by the definition that this run writes" in applied(name, new, blue, test=True)["comment"]
    check_thrice(apiserver, lambda **kw: applied(name, new, red, **kw))


def test_a_value_that_stays_may_stay(apiserver, applied, refused):
    """As the API server has it: what is not changed is not judged by a schema that came later."""
    name = "may-stay"
    group = f"{name}.example.org"
    old, new = (enabling.definition(group, color=schema) for schema in ({"type": "string"}, RED))
    applied(name, old, enabling.site(group, color="blue"))
    after = enabling.site(group, color="blue", size=2)
    check_thrice(apiserver, lambda **kw: applied(name, new, after, **kw))
    smaller = enabling.definition(group, color=RED, size={"type": "integer", "maximum": 1})
    refused(
        f"Site.{group} default/one: spec.size: Invalid value: 3: spec.size in body should be less than",
        name,
        smaller,
        enabling.site(group, color="blue", size=3),
    )


def test_what_others_fill_in_counts(apiserver, applied):
    name = "others-fill"
    group = f"{name}.example.org"
    text = {"type": "string"}
    old, new = (enabling.definition(group, owner=text, note=text) for _ in range(2))
    enabling.fields_of(new)["required"] = ["owner"]
    applied(name, old, enabling.site(group))
    apiserver.kubectl("patch", f"sites.{group}", "one", "--type=merge", "-p", '{"spec":{"owner":"them"}}')
    after = enabling.site(group, note="x")
    check_thrice(apiserver, lambda **kw: applied(name, new, after, **kw))


def test_a_webhook_may_change_the_object(apiserver, applied, refused):
    name = "webhook-fills"
    group = f"{name}.example.org"
    rule = {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["sites"]}
    hook = {"name": "a.example.org", "clientConfig": {"url": "https://127.0.0.1:1/"}, "rules": [rule]}
    hook |= {"namespaceSelector": {"matchLabels": {"name": "nowhere"}}, "sideEffects": "None"}
    own = enabling.make("MutatingWebhookConfiguration", name, webhooks=[hook | {"admissionReviewVersions": ["v1"]}])
    apiserver.apply(own | {"apiVersion": "admissionregistration.k8s.io/v1"})
    new, blue = enabling.definition(group, color=RED), enabling.site(group, color="blue")
    try:
        foretold = applied(name, new, blue, test=True)
        assert foretold["result"] is None and f"Site.{group} default/one" in foretold["changes"]
    finally:
        apiserver.kubectl("delete", "mutatingwebhookconfiguration", name)
    refused("spec.color: Unsupported value", name, new, blue)


# -- what is asked this way, and what the API server says of the objects

TEXT = {"type": "string"}
MODE = {"type": "object", "properties": {"mode": TEXT | {"default": "a"}, "must": TEXT}, "required": ["mode"]}
FIELDS = {
    "enum": (TEXT | {"enum": ["a", "b"]}, ["a", "c", ""]),
    "pattern": (TEXT | {"pattern": r"^[a-z]+(-\d{2})?$"}, ["ab-12", "ab-1", "A"]),
    "length": (TEXT | {"minLength": 2, "maxLength": 3}, ["ab", "a", "äöü", "abcd"]),
    "number": ({"type": "number", "minimum": 1, "exclusiveMaximum": True, "maximum": 3}, [1, 0.5, 2.9, 3]),
    "multiple": ({"type": "integer", "multipleOf": 4}, [8, 6]),
    "either": ({"x-kubernetes-int-or-string": True}, [1, "a", 1.5, True]),
    "anyof": ({"type": "integer", "anyOf": [{"maximum": 1}, {"minimum": 5}]}, [1, 3, 5]),
    "type": (TEXT, ["a", 1, True, None, ["a"]]),
    "nullable": (TEXT | {"nullable": True}, [None, "a"]),
    "list": (
        {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
        [[1], [], [1, 2, 3], ["a"]],
    ),
    "set": ({"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"}, [["a"], ["a", "a"]]),
    "map": (
        {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 1},
        [{"a": 1}, {"a": "1"}, {"a": 1, "b": 2}],
    ),
    "inner": (MODE, [{}, {"must": "x"}, {"mode": None}, {"mode": 1}]),
    "items": ({"type": "array", "items": MODE}, [[{}], [{"mode": 2}], [{"must": 1}]]),
    "any": ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, [{"a": None, "b": [1, {}]}, 1]),
    "format": (TEXT | {"format": "date-time"}, ["2026-01-01T00:00:00Z", "yesterday"]),
    "description": (TEXT | {"description": "of the field", "default": "x", "maxLength": 1}, ["x", "xx"]),
    "oneof": (
        {"type": "object", "properties": {"a": TEXT, "b": TEXT}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        [{"a": "x"}, {"a": "x", "b": "x"}, {}],
    ),
    "rule": (TEXT | {"maxLength": 9, "x-kubernetes-validations": [{"rule": "self.startsWith('a')"}]}, ["ab", "b"]),
}


@pytest.mark.parametrize("rules", [False, True])
def test_what_is_asked_is_what_the_api_server_says(apiserver, monkeypatch, rules):
    monkeypatch.setattr("saltk8s.kubectl.compare.dry_run.SHOWN", 1000)
    group = f"asked-{rules}.example.org".lower()
    fields = {name: field for name, field in FIELDS.items() if name != "rule" or rules}
    found = enabling.definition(group, **{name: schema for name, (schema, _) in fields.items()})
    sites = {}
    for name, (_, values) in fields.items():
        named = {f"{name}-{n}": value for n, value in enumerate(values)}
        sites |= {one: enabling.site(group, one, **{name: value}) for one, value in named.items()}
    declared = objects.declare(found, *sites.values())
    kubectl = Kubectl(str(apiserver.kubeconfig), binary=apiserver.kubectl_path)
    plan = Plan({key: Action(CREATE, key) for key in declared})
    computed = {key.name for key in schemas.rejected(kubectl, plan, declared, Live())}
    apiserver.apply(found)
    apiserver.kubectl("wait", "--for=condition=Established", f"crd/sites.{group}", "--timeout=30s")
    words = ["apply", "--server-side", "--validate=false", "--dry-run=server", "--output=name", "-f", "-"]
    argv = [apiserver.kubectl_path, "--kubeconfig", str(apiserver.kubeconfig), *words]
    done = subprocess.run(argv, input=objects.documents(*sites.values()), capture_output=True, text=True, check=False)
    accepted = {line.split("/")[1] for line in done.stdout.splitlines()}
    rejected = sites.keys() - accepted - {"set-1"}  # items that are given twice are not judged of defaults
    assert (computed - rejected, rejected - computed) == (set(), set()), done.stderr
    assert len(computed) > 25
