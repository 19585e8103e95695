"""Certificates and snapshots as metrics."""

from __future__ import annotations

from saltk8s.services.prometheus import upkeep

CERTIFICATES = [
    {"where": "cp1", "name": "kube-ca.pem", "expires": "2036-01-01T00:00:00Z", "days": 9},
    {"where": "webhooks", "name": 'a"b', "expires": "2030-01-01T00:00:00Z", "days": 9},
    {"where": "cp1", "name": "kube-ca.pem", "expires": "2035-01-01T00:00:00Z", "days": 9},
]
SNAPSHOTS = [
    {"name": "b", "taken": "1970-01-01T01:00:00Z", "nodes": {"cp1": 9}},
    {"name": "a", "taken": "1970-01-01T00:00:10Z", "nodes": {"cp1": 9, "cp2": 9}},
]


def test_each_certificate_and_the_newest_snapshot_of_each_node():
    text = upkeep.metrics(CERTIFICATES, SNAPSHOTS, {"ok": True, "succeeded": 5.4}, 21600, 7)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == [
        'saltk8s_certificate_expiry_timestamp_seconds{where="cp1",certificate="kube-ca.pem"} 2051222400',
        'saltk8s_certificate_expiry_timestamp_seconds{where="webhooks",certificate="a\\"b"} 1893456000',
        'saltk8s_etcd_snapshot_timestamp_seconds{node="cp1"} 3600',
        'saltk8s_etcd_snapshot_timestamp_seconds{node="cp2"} 10',
        "saltk8s_etcd_snapshot_age_limit_seconds 46800",
        "saltk8s_etcd_snapshot_check_success 1",
        "saltk8s_etcd_snapshot_check_timestamp_seconds 5",
        "saltk8s_upkeep_timestamp_seconds 7",
    ]
    assert text.count("# TYPE") == 6 and text.endswith("\n")


def test_before_the_first_check_and_after_one_that_failed():
    assert "check" not in upkeep.metrics([], [], {}, 3600, 7)
    failed = upkeep.metrics([], [], {"ok": False, "succeeded": None}, 3600, 7)
    assert "saltk8s_etcd_snapshot_check_success 0" in failed and "check_timestamp" not in failed
