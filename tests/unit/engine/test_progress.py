"""A run's output as log lines and events."""

from __future__ import annotations

import logging

from saltk8s.engine.progress import Line, Progress


def test_a_long_run_sends_few_events():
    logged, sent = [], []
    progress = Progress("rke", lambda *entry: logged.append(entry), lambda *event: sent.append(event))
    for phase in ("certificates", "etcd", "worker"):
        for number in range(200):
            progress.line(Line("info", f"[{phase}] step {number}", phase))
    assert len(logged) == 600
    assert logged[0] == (logging.INFO, "rke: info: [certificates] step 0")
    assert [phase for phase, _ in sent] == ["certificates", "etcd", "worker"]
    assert all(data["seconds"] >= 0 and data["line"] for _, data in sent)
    progress.line(Line("fatal", "no", None))
    assert sent[-1][1]["level"] == "fatal"
    assert logged[-1] == (logging.WARNING, "rke: fatal: no")
