"""How the model is put together: merging, roles, secrets, images, redaction."""

from __future__ import annotations

import copy
import json
import time

import pytest
import yaml
from saltk8s.base import errors, redact
from saltk8s.pillar import images, model
from saltk8s.pillar.schema import SCHEMA
from saltk8s.pillar.vocabulary.addresses import span
from saltk8s.pillar.vocabulary.types import EVERY_ITEM, Map, Report, Section
from tests.support import pillars

DEFAULTS = pillars.defaults()
ADMIN_SECRETS = {
    "k8s:cluster:ssh:private_key",
    "k8s:registry:password",
    "k8s:locations:backup:s3:access_key",
    "k8s:locations:backup:s3:secret_key",
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


@pytest.mark.parametrize(
    "reference, pulled",
    [
        ("quay.io/metallb/speaker:v0.15.2", "registry.osug.example/metallb/speaker:v0.15.2"),
        ("rancher/hyperkube:v1.32.6-rancher1", "registry.osug.example/rancher/hyperkube:v1.32.6-rancher1"),
        ("localhost/a:1", "registry.osug.example/a:1"),
        ("mirror:5000/a/b:1", "registry.osug.example/a/b:1"),
        ("redis:7", "registry.osug.example/redis:7"),
        ("registry.osug.example/a/b:1", "registry.osug.example/a/b:1"),
    ],
)
def test_images_through_the_registry(reference, pulled):
    assert images.through(reference, {"url": "registry.osug.example"}) == pulled
    assert images.through(reference, None) == reference


def test_images_of_services():
    built = model.build(DEFAULTS, pillars.full())
    expected = ["quay.io/metallb/controller:v0.15.2", "quay.io/metallb/speaker:v0.15.2"]
    engine = ["docker.io/velero/velero-plugin-for-aws:v1.14.2", "docker.io/velero/velero:v1.18.3"]  # the chosen one's
    found = images.of_services(built)
    assert (found["metallb"], found["traefik"], found["backup"]) == (expected, ["traefik:v3.6.12"], engine)
    built["services"]["metallb"]["enabled"] = built["services"]["backup"]["enabled"] = False
    assert images.of_services(built).keys() == found.keys() - {"metallb", "backup"}


@pytest.mark.parametrize(
    "value, secret, shown",
    [
        (None, True, "nothing"),
        ("a\nb", False, r"'a\nb'"),
        ("x" * 500, False, "'" + "x" * 78 + "…"),
        ("hunter2", True, "<redacted>"),
        ({"a": "hunter2"}, False, "a map of 1 key"),
        (["hunter2", "b"], False, "a list of 2 items"),
        ("-----BEGIN RSA PRIVATE KEY-----", False, "<redacted>"),
        ("https://u:hunter2@host/x", False, "'https://<redacted>@host/x'"),
        (True, True, "true"),
    ],
)
def test_what_is_shown(value, secret, shown):
    assert redact.show(value, secret) == shown


def test_a_number_that_cannot_be_shown():
    assert redact.show(10**5000) == "a number that is too long"


@pytest.mark.parametrize("text", ["", "-", "a-b", "10.0.0.2-10.0.0.1", "10.0.0.1", "10.0.0.1/24", "::1-::2", "1-2-3"])
def test_no_range(text):
    assert span(text) is None


def test_ranges():
    assert span("10.0.0.1-10.0.0.1") == span("10.0.0.1/32")
    assert span("10.0.0.0/30")[1] - span("10.0.0.0/30")[0] == 3


def test_times_and_versions():
    assert (model.seconds("90m"), model.seconds("7d")) == (5400, 604800)
    assert model.version("v1.32.6-rancher1-1") == (1, 32, 6)
    assert model.version("latest") is None


def test_every_default_belongs_to_a_key_and_is_valid():
    """A default that the schema does not know would never be used."""

    def walk(kind, default, path):
        if isinstance(kind, Section):
            for name, value in default.items():
                assert name in kind.keys, f"defaults.yaml: {':'.join((*path, name))} is no key"
                walk(kind.keys[name].type, value, (*path, name))
        elif isinstance(kind, Map) and EVERY_ITEM in default:
            assert isinstance(kind.item, Section)
            walk(kind.item, default[EVERY_ITEM], (*path, EVERY_ITEM))
        else:
            report = Report()
            kind.check(default, default, path, report)
            assert not report.problems

    walk(SCHEMA, DEFAULTS, ())


def test_no_secret_has_a_default():
    assert model.secrets_in(DEFAULTS) == []


def test_the_example_is_refused_until_it_is_filled_in():
    tree = {}
    for name in (*pillars.PUBLIC_FILES, "secrets"):
        tree = pillars.merge(tree, pillars.load(name))
    found = problems(tree)
    assert {value for _, value in found} == {"CHANGE-ME"}
    assert {path for path, _ in model.secrets_in(tree)} <= {path for path, _ in found}


def test_the_example_has_its_secrets_in_one_file():
    for name in pillars.PUBLIC_FILES:
        assert model.secrets_in(pillars.load(name)) == [], name
    top = yaml.safe_load((pillars.EXAMPLE / "top.sls").read_text(encoding="utf-8"))["base"]
    assert [target for target, files in top.items() if "k8s.secrets" in files] == ["k8s-admin.osug.example"]
    names = {path.stem for path in (pillars.EXAMPLE / "k8s").iterdir()}
    assert names == {*pillars.PUBLIC_FILES, "secrets"}


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
