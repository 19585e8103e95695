"""The set's record."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.manifests import identity
from saltk8s.kubectl.sets import record
from tests.support import kubectl as objects


def test_kinds_survive_the_record():
    kinds = {
        identity.Kind("", "Service", "v1"),
        identity.Kind("apps", "Deployment", "v1"),
        identity.Kind("metallb.io", "IPAddressPool", "v1beta1"),
    }
    built = record.build("x", kinds)
    assert record.kinds(built) == kinds
    assert built == record.build("x", list(kinds)[::-1])
    assert record.kinds(None) == set()


@pytest.mark.parametrize("older", ["v1", "v2beta3", "v10beta1", "v11alpha2", "foo1"])
def test_a_kind_is_recorded_at_its_newest_version(older):
    pools = [identity.Kind("metallb.io", "IPAddressPool", version) for version in (older, "v2")]
    assert record.kinds(record.build("x", pools)) == {pools[1]}


def declared(*texts):
    """Objects by their keys, from ``apiVersion Kind namespace/name``; a Job ``once`` ends."""
    found = {}
    for text in texts:
        version, kind, name = text.split()
        namespace, _, name = name.rpartition("/")
        meta = {"name": name} | ({"namespace": namespace} if namespace else {})
        obj = {"apiVersion": version, "kind": kind, "metadata": meta}
        obj |= {"spec": {"ttlSecondsAfterFinished": 0}} if name == "once" else {}
        found[identity.key_of(obj)] = obj
    return found


def test_objects_that_can_be_unhealthy_survive_the_record():
    objects = declared(
        "apps/v1 Deployment default/web",
        "v1 Namespace web",
        "batch/v1 Job default/once",
        "batch/v1 Job default/twice",
        "example.org/v1 Job default/own",
        "v1 ConfigMap default/settings",
    )
    kinds = {identity.kind_of(obj) for obj in objects.values()}
    built = record.build("x", kinds, record.listed(objects))
    assert record.objects(built) == {key: key.name == "once" for key in objects if key.kind != "ConfigMap"}
    assert built == record.build("x", kinds, record.listed(dict(reversed(objects.items()))))
    assert built["data"]["objects"].splitlines()[0] == "Namespace web"
    assert record.kinds(built) == kinds


def test_a_record_without_names_names_none():
    assert record.listed(declared("v1 ConfigMap default/settings")) == ""
    assert "objects" not in record.build("x", [])["data"]
    for obj in (
        None,
        record.build("x", []),
        {"data": {"kinds": "Deployment.v1.apps\n", "objects": "garbage\nx y z\n\n"}},
    ):
        assert record.objects(obj) == {}


def test_too_many_names_are_left_out():
    many = {identity.Key("apps", "Deployment", "default", f"d{number}"): {} for number in range(record.MOST + 1)}
    assert record.listed(many) == ""


@pytest.mark.parametrize(
    ("served", "expected"), [((), "v1"), (("v1", "v2"), "v1"), (("v1beta1", "v1alpha1"), "v1beta1")]
)
def test_a_kind_is_recorded_at_a_version_that_its_definition_goes_on_to_serve(served, expected):
    definition = objects.definition("Pool", "example.org")
    definition["spec"]["versions"] = [{"name": name, "served": name in served} for name in ("v1", *served)]
    found = record.still_served({identity.Kind("example.org", "Pool", "v1")}, [definition])
    assert found == {identity.Kind("example.org", "Pool", expected)}
