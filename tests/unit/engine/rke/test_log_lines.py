"""rke's lines: phases, and what explains a failure."""

from __future__ import annotations

import pytest
from saltk8s.engine.rke import log_lines


def line(level, message):
    return f'time="2026-11-23T20:57:32Z" level={level} msg="{message}"'


@pytest.mark.parametrize(
    ("raw", "level", "message", "phase"),
    [
        (
            line("info", "[dialer] Setup tunnel for host [10.0.0.1]"),
            "info",
            "[dialer] Setup tunnel for host [10.0.0.1]",
            "connect",
        ),
        (
            line("info", "[certificates] Generating Node certificate"),
            "info",
            "[certificates] Generating Node certificate",
            "certificates",
        ),
        (line("info", "[controlplane] Now checking"), "info", "[controlplane] Now checking", "controlplane"),
        (line("info", "[controlPlane] Failed"), "info", "[controlPlane] Failed", "controlplane"),
        (line("info", "[healthcheck] Start"), "info", "[healthcheck] Start", None),
        (line("info", "[10.0.0.1] Successfully pulled"), "info", "[10.0.0.1] Successfully pulled", None),
        (line("warning", r"said \"no\" to [x]"), "warning", 'said "no" to [x]', None),
        ("time=x level=info msg=plain", "info", "plain", None),
        ("panic: nil map", "info", "panic: nil map", None),
    ],
)
def test_lines(raw, level, message, phase):
    assert log_lines.parse(raw) == (level, message, phase)


def test_a_failure_is_explained_by_the_last_error_then_by_warnings_each_once():
    output = "\n".join(
        [
            line("info", "Running RKE version: v1.8.5"),
            line("warning", "Failed to set up SSH tunneling for host [10.0.0.2]"),
            line("warning", "Removing host [10.0.0.2] from node lists"),
            line("warning", "Removing host [10.0.0.2] from node lists"),
            line("info", "Building Kubernetes cluster"),
            line("fatal", "Cluster must have at least one etcd plane host"),
        ]
    )
    assert log_lines.that_matter(output) == [
        "Cluster must have at least one etcd plane host",
        "Failed to set up SSH tunneling for host [10.0.0.2]",
        "Removing host [10.0.0.2] from node lists",
    ]


def test_a_failure_without_an_error_is_explained_by_the_last_lines():
    output = "\n".join(line("info", f"step {number}") for number in range(30))
    lines = log_lines.that_matter(output)
    assert len(lines) == log_lines.SHOWN
    assert lines[-1] == "step 29"
