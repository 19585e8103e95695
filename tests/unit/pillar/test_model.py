"""How the model is put together: merging, roles, secrets."""

from __future__ import annotations

import copy
import json
import time

import pytest
from saltk8s.base import errors, redact
from saltk8s.pillar import model
from tests.support import pillars

DEFAULTS = pillars.defaults()
ADMIN_SECRETS = {
    "k8s:cluster:ssh:private_key",
    "k8s:registry:password",
    "k8s:locations:backup:s3:access_key",
    "k8s:locations:backup:s3:secret_key",
    "k8s:locations:etcd:s3:access_key",
    "k8s:locations:etcd:s3:secret_key",
    "k8s:services:traefik:default_tls:key",
    "k8s:services:backup:encryption_password",
    "k8s:services:vsphere:password",
}


def problems(tree, **options):
    with pytest.raises(errors.ConfigError) as caught:
        model.build(DEFAULTS, tree, **options)
    return [(problem.path, problem.value) for problem in caught.value.problems]


def test_neither_the_pillar_nor_the_defaults_are_changed():
    tree, defaults = pillars.full(), pillars.defaults()
    before = copy.deepcopy((tree, defaults))
    built = model.build(defaults, tree)
    built["nodes"]["k8s-w1"]["labels"]["x"] = "y"
    built["docker"]["mirrors"].append("x")
    built["cluster"]["etcd"]["snapshots"]["every"] = "1h"
    assert (tree, defaults) == before


def test_lists_replace_and_maps_merge():
    defaults = pillars.merge(DEFAULTS, {"docker": {"mirrors": ["https://a.example"], "options": {"debug": True}}})
    tree = pillars.merge(pillars.full(), {"docker": {"options": {"init": True}}})
    assert model.build(defaults, tree)["docker"]["mirrors"] == ["https://a.example"]
    assert model.build(defaults, tree)["docker"]["options"] == {"debug": True, "init": True}
    tree["docker"]["mirrors"] = ["https://b.example"]
    assert model.build(defaults, tree)["docker"]["mirrors"] == ["https://b.example"]


def test_the_answer_is_plain_data_whatever_the_pillar_is_made_of():
    class Wrapped(dict):
        """What newer Salt wraps pillar maps in: its text is masked."""

        def __repr__(self):
            return "{'masked': '**********'}"

        __str__ = __repr__

    def wrap(value):
        return Wrapped({key: wrap(item) for key, item in value.items()}) if isinstance(value, dict) else value

    def plain(value):
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return type(value) in (dict, list, str, int, bool, type(None)) and all(map(plain, children))

    assert plain(model.build(DEFAULTS, wrap(pillars.full())))
    bad = pillars.merge(pillars.full(), {"cluster": {"name": wrap({"a": 1})}, "os": {"packages": wrap({"a": 1})}})
    assert problems(bad) == [("k8s:cluster:name", "a map of 1 key"), ("k8s:os:packages", "a map of 1 key")]


def test_services_are_in_the_order_of_the_defaults():
    built = model.build(DEFAULTS, pillars.full())
    assert list(built["services"]) == list(DEFAULTS["services"])
    assert all(isinstance(service["enabled"], bool) for service in built["services"].values())


def test_a_key_is_stripped_of_nothing():
    private, public = pillars.key_pair()
    ssh = model.build(DEFAULTS, pillars.full())["cluster"]["ssh"]
    assert (ssh["private_key"], ssh["public_key"]) == (private, public)


def test_a_private_key_ends_with_a_line_break():
    """A YAML block with the wrong indicator takes it away, and ssh then refuses the key."""
    tree = pillars.merge(pillars.full(), {"cluster": {"ssh": {"private_key": f"\n  {pillars.key_pair()[0].strip()}"}}})
    assert model.build(DEFAULTS, tree)["cluster"]["ssh"]["private_key"] == pillars.key_pair()[0]


@pytest.mark.parametrize(
    "minion, roles",
    [
        ("k8s-cp1", {"node"}),
        ("k8s-admin.osug.example", {"admin", "cloud"}),
        ("salt.osug.example", set()),
        ("K8S-CP1", set()),
        ("", set()),
    ],
)
def test_roles(minion, roles):
    assert model.roles_of(model.build(DEFAULTS, pillars.full()), minion) == roles
    assert model.roles_of(pillars.full(), minion) == roles


def test_roles_with_a_cloud_minion_of_its_own():
    tree = pillars.merge(pillars.full(), {"cloud": {"minion": "salt.osug.example"}})
    assert model.roles_of(tree, "salt.osug.example") == {"cloud"}
    assert model.roles_of(tree, "k8s-admin.osug.example") == {"admin"}
    single = pillars.merge(pillars.full(), {"cluster": {"admin": "k8s-cp1"}})
    assert model.roles_of(single, "k8s-cp1") == {"node", "admin", "cloud"}
    assert model.roles_of(pillars.without(single, "cloud"), "k8s-cp1") == {"node", "admin"}


@pytest.mark.parametrize(
    "required, missing",
    [
        (True, {*ADMIN_SECRETS, "k8s:cloud:provider:password"}),
        (["admin"], ADMIN_SECRETS),
        ({"cloud"}, {"k8s:cloud:provider:password"}),
        (False, set()),
        ((), set()),
    ],
)
def test_which_secrets_a_minion_needs(required, missing):
    try:
        model.build(DEFAULTS, pillars.public(), secrets_required=required)
    except errors.ConfigError as err:
        assert {problem.path for problem in err.problems} == missing
    else:
        assert not missing


def test_secrets_that_are_still_encrypted():
    message = "-----BEGIN PGP MESSAGE-----\nabc\n-----END PGP MESSAGE-----\n"
    over = {"cluster": {"ssh": {"private_key": message}}, "registry": {"password": message}}
    tree = pillars.merge(pillars.full(), over)
    assert model.build(DEFAULTS, tree, encrypted=True)["registry"]["password"] == message
    assert problems(tree) == [
        ("k8s:cluster:ssh:private_key", "<redacted>"),
        ("k8s:registry:password", "<redacted>"),
    ]


def test_secrets_are_found_and_taken_out():
    built = model.build(DEFAULTS, pillars.full())
    paths = [path for path, _ in model.secrets_in(built)]
    assert {"k8s:cluster:ssh:private_key", "k8s:registry:password", "k8s:cloud:provider:password"} < set(paths)
    text = json.dumps(model.redacted(built))
    assert not [canary for canary in pillars.canaries() if canary in text]
    assert text.count(redact.REDACTED) == len(paths)
    assert model.secrets_in(pillars.public()) == []
    assert json.loads(text)["nodes"] == built["nodes"]


def hundred_nodes() -> dict:
    """Return a pillar with a hundred nodes."""
    workers = {
        f"k8s-n{i}": {"roles": ["worker"], "shape": "worker", "address": f"10.60.{i // 50}.{i % 50 + 10}/16"}
        for i in range(97)
    }
    control = {
        f"k8s-c{i}": {"roles": ["controlplane", "etcd"], "shape": "control", "address": f"10.60.9.{i}/16"}
        for i in range(1, 4)
    }
    tree = pillars.without(pillars.full(), "nodes")
    over = {
        "nodes": {**control, **workers},
        "cloud": {"defaults": {"gateway": "10.60.0.1"}},
        "services": {
            "metallb": {"pools": {"public": {"addresses": ["10.60.200.0/24"]}}},
            "traefik": {"address": "10.60.200.1"},
        },
    }
    return pillars.merge(tree, over)


def test_a_hundred_nodes():
    """The bench measures it; here, only that nothing grows with the square of the nodes."""
    started = time.process_time()
    built = model.build(DEFAULTS, hundred_nodes())
    spent = time.process_time() - started
    assert len(built["nodes"]) == 100
    assert {node["prefix"] for node in built["nodes"].values()} == {16}
    print(f"{spent * 1000:.1f} ms of processor time for 100 nodes")
