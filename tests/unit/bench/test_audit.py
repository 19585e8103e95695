"""Counting requests in the API server's audit log."""

from __future__ import annotations

import json

from bench import audit


def event(verb: str, uri: str, agent: str = "kubectl/v1", **more) -> str:
    return json.dumps({"stage": "ResponseComplete", "verb": verb, "requestURI": uri, "userAgent": agent, **more})


def test_requests_are_counted_by_what_they_do():
    lines = [
        event("list", "/api/v1/configmaps?limit=500", objectRef={}),
        event("get", "/apis"),
        event("get", "/api/v1/namespaces/a", objectRef={}),
        event("patch", "/api/v1/namespaces/a?fieldManager=x", objectRef={}),
        event("patch", "/api/v1/namespaces/a?dryRun=All&fieldManager=x", objectRef={}),
        event("create", "/api/v1/namespaces", agent="OpenAPI-Generator/37.0.2/python", objectRef={}),
        event("delete", "/api/v1/namespaces/a", agent=audit.AGENT, objectRef={}),
    ]
    assert audit.counted(lines) == {"requests": 6, "writes": 2, "dry_runs": 1, "lists": 1, "gets": 1}


def test_the_audit_log_is_one_stream_over_all_its_files(tmp_path):
    log = audit.AuditLog(tmp_path)
    current = tmp_path / "audit.log"
    current.write_text("first\nmarker-1\n")
    begin = log.end("marker-1")
    with current.open("a") as more:
        more.write("second\n")
    current.rename(tmp_path / "audit-2026-01-01T00-00-00.000.log")
    current.write_text("third\nmarker-2\nlater\n")
    end = log.end("marker-2")
    assert log.between(begin, end) == ["second", "third", "marker-2", "later"]
