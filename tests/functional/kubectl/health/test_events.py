"""Events, on a real API server."""

from __future__ import annotations

from tests.support.kubectl_workloads import event


def test_events_come_in_the_order_of_time(apiserver, call):
    about = ("Pod", "told-1")
    apiserver.apply(
        event("told.b", about, "second", "2026-01-01T00:00:02Z"),
        event("told.a", about, "third", "2026-01-01T00:00:10Z", "Normal"),
        event("told.c", about, "first", "2026-01-01T00:00:01Z"),
        event("told.d", ("Deployment", "told"), "other", "2026-01-01T00:00:03Z"),
    )
    told = call("events", "default", name="told-1")
    assert [one["message"] for one in told] == ["first", "second", "third"]
    assert told[0] == {
        "time": "2026-01-01T00:00:01Z",
        "type": "Warning",
        "reason": "Because",
        "count": 2,
        "object": "Pod default/told-1",
        "message": "first",
    }
    assert [one["message"] for one in call("events", kind="Pod", name="told-1", warnings=True)] == ["first", "second"]
    everywhere = [one["message"] for one in call("events")]
    assert [text for text in everywhere if text in ("first", "second", "other", "third")] == [
        "first",
        "second",
        "other",
        "third",
    ]
    assert call("events", "default", kind="Pod", name="nobody") == []
