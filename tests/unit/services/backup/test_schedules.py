"""Which schedules the pillar makes: the platform's, and those of tenants with settings of their own."""

from __future__ import annotations

import pytest
from tests.support import pillars

DAILY = "30 1 * * *"
LICENSE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def schedules(tenants: dict, **backup) -> list[dict]:
    """Return the schedules of a model with these settings of tenants, and these of the service."""
    tree = {"services": {"backup": {"enabled": True, **backup}, "tenants": {"enabled": True}}}
    settings = {name: {"backup": setting} for name, setting in tenants.items()}
    built = pillars.model(tree, {"tenants": {"resif": {"backup": {"keep": None}}}}, {"tenants": settings})
    return built["services"]["backup"]["schedules"]


def test_without_settings_of_tenants_there_is_one_schedule():
    (platform,) = schedules({})
    expected = {"name": "platform", "schedule": DAILY, "keep_hours": 720, "keep_days": 30, "include": []}
    assert platform == expected | {"exclude": platform["exclude"]}


def test_a_tenant_has_its_own_schedule_and_retention():
    platform, own = schedules({"resif": {"keep": "90d"}})
    assert own == {
        "name": "tenant-resif", "schedule": DAILY, "keep_hours": 2160, "keep_days": 90, "exclude": [],
        "include": own["include"],
    }  # fmt: skip
    assert own["include"] and {*own["include"]} <= {*platform["exclude"]}
    platform, own = schedules({"glacioclim": {"schedule": "0 */6 * * *"}})
    assert (own["name"], own["schedule"], own["keep_days"]) == ("tenant-glacioclim", "0 */6 * * *", 30)


def test_a_tenant_that_is_not_backed_up_is_left_out():
    (platform,) = schedules({"glacioclim": {"enabled": False, "keep": "90d"}})
    assert "glacioclim" in platform["exclude"]


@pytest.mark.parametrize("include", [["glacioclim"], ["glacioclim", "wiki"]])
def test_namespaces_that_are_named_lose_those_of_such_tenants(include):
    found = schedules({"glacioclim": {"keep": "7d"}}, namespaces={"include": include})
    by_name = {one["name"]: one["include"] for one in found}
    assert by_name.pop("tenant-glacioclim") == ["glacioclim"]
    assert by_name == ({"platform": ["wiki"]} if "wiki" in include else {})
    assert all(one["include"] for one in found), "an empty list would mean all"


def test_the_targets_of_stash_have_schedule_and_retention_of_their_tenant():
    spaces = ("resif", "glacioclim", "wiki")
    targets = {space: {"namespace": space, "kind": "PersistentVolumeClaim", "name": "data"} for space in spaces}
    own = {"location": "own", "encryption_password": "a password of its own"}
    stash = {"engine": "stash", "images": {"stash": "stash:1"}, "stash": {"license": LICENSE, "targets": targets}}
    tree = {"services": {"backup": {"enabled": True, **stash}, "tenants": {"enabled": True}}}
    tree |= {"locations": {"own": {"nfs": {"server": "nas.osug.example", "path": "/own"}}}}
    settings = {
        "resif": {"backup": {"keep": "90d", "schedule": "0 */6 * * *", **own}},
        "glacioclim": {"backup": {"enabled": False}},
    }
    built = pillars.model(tree, {"tenants": settings})["services"]["backup"]["stash"]["targets"]
    assert {name: (one["schedule"], one["keep_days"]) for name, one in built.items()} == {
        "resif": ("0 */6 * * *", 90),
        "wiki": (DAILY, 30),
    }
