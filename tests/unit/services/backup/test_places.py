"""Which location and which password a namespace's backups have, and which locations are one."""

from __future__ import annotations

import pytest
from saltk8s.pillar.vocabulary import locations
from saltk8s.pillar.vocabulary.types import Report
from tests.support import outputs, pillars

S3 = {"endpoint": "https://s3.example", "bucket": "k8s", "prefix": None, "access_key": None}
OWN = {
    "s3": {"endpoint": "https://s3.osug.example", "bucket": "own", "access_key": "canary-a", "secret_key": "canary-b"}
}


def s3(**over) -> dict:
    return {"s3": S3 | over, "nfs": None}


def nfs(server: str, path: str) -> dict:
    return {"s3": None, "nfs": {"server": server, "path": path}}


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (s3(), s3(), True),
        (s3(prefix="a"), s3(), True),
        (s3(prefix="a/b"), s3(prefix="a"), True),
        (s3(prefix="a"), s3(prefix="ab"), False),
        (s3(prefix="a"), s3(prefix="b"), False),
        (s3(), s3(bucket="other"), False),
        (s3(), s3(endpoint="https://S3.example:443"), True),
        (s3(), s3(endpoint="https://s3.example:9000"), False),
        (s3(access_key="x"), s3(bucket="other", access_key="x"), True),
        (s3(access_key="x"), s3(bucket="other", access_key="y"), False),
        (nfs("nas", "/a"), nfs("nas", "/a/b"), True),
        (nfs("nas", "/a"), nfs("nas", "/ab"), False),
        (nfs("nas", "/a"), nfs("other", "/a"), False),
        (nfs("nas", "/a"), s3(), False),
    ],
)
def test_what_is_one_location(one, other, shared):
    model = {"locations": {"one": one, "other": other}}
    for names in (("one", "other"), ("other", "one")):
        assert locations.is_shared(model, Report(), *names) is shared


def secrets(text: str) -> bool:
    return "canary-a" in text and "canary-own" in text and pillars.BACKUP_PASSWORD not in text


def test_k8up_writes_a_tenants_backups_to_its_own_location():
    model = pillars.model(
        {
            "locations": {"own": OWN},
            "tenants": {"resif": {"backup": {"location": "own", "encryption_password": "canary-own"}}},
            "services": {"backup": {"engine": "k8up", "namespaces": {"include": ["wiki"]}}},
        }
    )
    model["minion"] = {"id": "k8s-admin.osug.example", "roles": ["admin"]}
    assert model["services"]["backup"]["owners"] == {"resif": "resif"}
    (text,) = [text for path, text in outputs.manifests(model, "backup").items() if "schedules" in path]
    of = {space: part for part in text.split("kind: Secret")[1:] for space in ("resif", "wiki") if f'"{space}"' in part}
    assert secrets(of["resif"]) and "own/k8up/resif" in of["resif"]
    assert pillars.BACKUP_PASSWORD in of["wiki"] and "canary-own" not in of["wiki"]
    assert pillars.ETCD_KEYS["access_key"] not in text
