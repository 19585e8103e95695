"""The status table: from facts to rows and lines."""

from __future__ import annotations

import datetime

import pytest
from labkit import versions
from saltk8s.services import status
from saltk8s.services.status_facts import Failed
from tests.unit.base.test_certificates import UTC, signed

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=UTC)
NODE = {"ready": True, "reason": "", "schedulable": True, "version": versions.KUBECTL}
GOOD = {"kind": "Deployment", "namespace": "web", "name": "site", "ready": True, "reason": ""}
SICK = GOOD | {"name": "api", "ready": False, "reason": "0 of 2 available"}
GITOPS = {"paused": None, "last": None, "role": None}
MODEL = {
    "cluster": {"name": "osug", "version": versions.CLUSTER},
    "nodes": {"cp1": {}, "w1": {}},
    "services": {"metallb": {"enabled": True}, "traefik": {"enabled": True}, "nfs": {"enabled": False}},
    "tenants": {"resif": {}, "ist": {"namespaces": ["ist-web", "ist-db"]}},
}


def schedule(name: str = "nightly", cron: str = "30 1 * * *", age_days: int = 30, **spec) -> dict:
    made = (NOW - datetime.timedelta(days=age_days)).isoformat().replace("+00:00", "Z")
    meta = {"name": name, "namespace": "velero", "creationTimestamp": made}
    return {"metadata": meta, "spec": {"schedule": cron, **spec}}


def backup(hours: float, phase: str = "Completed", of: str = "nightly") -> dict:
    done = (NOW - datetime.timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
    meta = {"name": "b", "namespace": "velero", "labels": {"velero.io/schedule-name": of}}
    status_ = {"phase": phase, "completionTimestamp": done}
    return {"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": meta, "status": status_}


def facts(**over) -> dict:
    known = {
        "version": versions.KUBECTL,
        "failures": {},
        "nodes": {"cp1": NODE, "w1": NODE},
        "sets": {"metallb": [GOOD], "traefik": [GOOD, GOOD]},
        "namespaces": {"resif": "Active", "ist-web": "Active", "ist-db": "Active"},
        "certificates": {"API server": signed(NOW + datetime.timedelta(days=200, hours=1))},
        "schedules": [schedule()],
        "backups": [backup(10), backup(34), backup(70, "Failed")],
    }
    return known | over


def states(**over) -> dict[str, tuple[str, str]]:
    rows = status.table(MODEL, facts(**over), NOW)
    return {f"{row['part']} {row['name']}": (row["state"], row["why"]) for row in rows}


def test_everything_is_ok():
    rows = status.table(MODEL | {"gitops": {"enabled": True}}, facts(gitops=GITOPS), NOW)
    assert status.healthy(rows)
    assert {row["state"] for row in rows} == {"ok", "off"}
    assert list(dict.fromkeys(row["part"] for row in rows)) == list(status.PARTS)
    text = status.lines(rows)
    assert text[:2] == ["cluster", f"  osug        ok       {versions.KUBECTL}, the API server answers"]
    assert text[-1] == "all 11 checks OK"
    assert "200 days left" in "\n".join(text) and "10 h ago" in "\n".join(text)


FAILED = Failed("no route to host")
INVALID = schedule() | {"status": {"phase": "FailedValidation", "validationErrors": ["no such location"]}}


@pytest.mark.parametrize(("over", "row", "state", "why"), [
    ({"version": FAILED}, "cluster osug", "bad", "the API server does not answer: no route to host"),
    ({"version": None}, "cluster osug", "bad", "not created yet"),
    ({"version": "v1.31.10"}, "cluster osug", "warn", f"v1.31.10, but the pillar declares {versions.KUBECTL}"),
    ({"nodes": FAILED}, "nodes 2 declared", "unknown", "no route to host"),
    ({"nodes": {"cp1": NODE}}, "nodes w1", "bad", "not found in the cluster"),
    ({"nodes": {"cp1": NODE, "w1": NODE | {"ready": False, "reason": "no kubelet"}}}, "nodes w1", "bad", "no kubelet"),
    ({"nodes": {"cp1": NODE, "w1": NODE | {"schedulable": False}}}, "nodes w1", "warn", "cordoned"),
    ({"nodes": {"cp1": NODE, "w1": NODE, "w9": NODE}}, "nodes w9", "warn", "not in the pillar"),
    ({"sets": FAILED}, "services metallb", "unknown", "no route to host"),
    ({"sets": FAILED}, "services nfs", "off", ""),
    ({"sets": {"metallb": FAILED}}, "services metallb", "unknown", "no route"),
    ({"sets": {}}, "services metallb", "bad", "not applied yet"),
    ({"sets": {"metallb": [GOOD, SICK]}}, "services metallb", "bad", "Deployment web/api: 0 of 2 available"),
    ({"sets": {"metallb": [SICK] * 5}}, "services metallb", "bad", "; and 2 more"),
    ({"failures": {"traefik": "refused"}}, "services traefik", "bad", "refused"),
    ({"failures": {"cluster": "node w2"}}, "cluster osug", "bad", "v1.32.6, the API server answers, but node w2"),
    ({"failures": {"nfs": "it hangs"}}, "services nfs", "bad", "it hangs"),
    ({"sets": {"nfs": [GOOD]}}, "services nfs", "warn", "disabled, but 1 objects still exist"),
    ({"namespaces": {"resif": "Terminating"}}, "tenants resif", "bad", "namespace resif: Terminating"),
    ({"namespaces": {"ist-web": "Active"}}, "tenants ist", "bad", "namespace ist-db: not found"),
    ({"namespaces": FAILED}, "tenants ist", "unknown", "no route"),
    ({"certificates": {"c": FAILED}}, "certificates c", "unknown", "no route"),
    ({"certificates": {"c": "no"}}, "certificates c", "unknown", "no certificate"),
    ({"schedules": FAILED}, "backups velero", "unknown", "no route"),
    ({"backups": FAILED}, "backups velero", "unknown", "no route"),
    ({"backups": [backup(49)]}, "backups nightly", "bad", "overdue"),
    ({"backups": [backup(1, "PartiallyFailed")]}, "backups nightly", "bad", "no backup has ever succeeded"),
    ({"backups": [backup(10), backup(1, "Failed")]}, "backups nightly", "bad", "10 h ago; the newest, b, is Failed"),
    ({"backups": [backup(1, of="other")]}, "backups nightly", "bad", "ever succeeded"),
    ({"schedules": [schedule(cron="0 */6 * * *")], "backups": [backup(12)]}, "backups nightly", "ok", "12 h ago"),
    ({"schedules": [schedule(cron="0 */6 * * *")], "backups": [backup(13)]}, "backups nightly", "bad",
     "overdue, expected within 12 h"),
    ({"schedules": [schedule(cron="0 3 * * 0")], "backups": [backup(15 * 24)]}, "backups nightly", "bad", "overdue"),
    ({"schedules": [schedule(cron="soon")]}, "backups nightly", "warn", "its schedule 'soon' cannot be read"),
    ({"schedules": [INVALID]}, "backups nightly", "bad", "the schedule is not valid: no such location"),
    ({"backups": [], "schedules": [schedule(age_days=1)]}, "backups nightly", "warn", "no backup yet"),
    ({"schedules": [schedule(paused=True)]}, "backups nightly", "warn", "paused"),
    ({"schedules": [schedule(cron="0 3 * * 0")], "backups": [backup(200)]}, "backups nightly", "ok", "8 days ago"),
])  # fmt: skip
def test_problems_have_a_reason(over, row, state, why):
    found = states(**over)[row]
    assert found[0] == state
    assert why in found[1]


@pytest.mark.parametrize(("days", "state"), [(60, "ok"), (59, "warn"), (7, "warn"), (6, "bad"), (-1, "bad")])
def test_certificates(days, state):
    pem = signed(NOW + datetime.timedelta(days=days, hours=1))
    found = states(certificates={"c": pem})["certificates c"]
    assert found[0] == state
    assert f"{days} days left" in found[1] if days >= 0 else "expired 1 days ago" in found[1]


def test_a_site_without_velero_and_without_tenants_has_no_such_rows():
    model = {key: value for key, value in MODEL.items() if key != "tenants"}
    rows = status.table(model, facts(schedules=None, backups=None), NOW)
    assert not {"tenants", "backups"} & {row["part"] for row in rows}


def test_the_summary_counts():
    rows = status.table(MODEL, facts(version=FAILED, nodes=FAILED, certificates={}), NOW)
    assert not status.healthy(rows)
    assert status.lines(rows)[-1] == f"1 bad, 1 unknown of {len(rows)} checks"


APPLIED = "2026-11-25T11:00:00+00:00"


@pytest.mark.parametrize(
    ("over", "enabled", "row"),
    [
        ({}, False, None),
        ({}, True, ("ok", "nothing was applied by itself yet")),
        ({"last": {"at": APPLIED, "ok": True}}, True, ("ok", f"last applied at {APPLIED}")),
        ({"last": {"at": APPLIED, "ok": False}}, False, ("warn", f"failed at {APPLIED}")),
        ({"paused": "paused by alice"}, False, ("warn", "paused by alice")),
    ],
)
def test_what_is_applied_by_itself(over, enabled, row):
    rows = status.table(MODEL | {"gitops": {"enabled": enabled}}, facts(gitops=GITOPS | over), NOW)
    assert [(one["state"], one["why"]) for one in rows if one["part"] == "gitops"] == ([row] if row else [])
