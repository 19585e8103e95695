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


HOST = "on host [10.0.0.1]"
REPLACED = (
    f"Stopping container [kubelet] {HOST} with stopTimeoutDuration [5s], try #1",
    f"Waiting for [kubelet] container to exit {HOST}",
    f"Renaming container [kubelet] to [old-kubelet] {HOST}, try #1",
    f"Starting container [kubelet] {HOST}, try #1",
)


def replaced(*messages):
    """What is being replaced after these lines."""
    found = log_lines.Replaced()
    for message in messages:
        found.take(message)
    return found.containers


def test_a_container_is_replaced_from_before_its_stop_until_it_started():
    for end in range(1, len(REPLACED) + 1):
        assert replaced(*REPLACED[:end]) == {"kubelet on 10.0.0.1"}
    other = "[worker] Successfully updated [kubelet] container on host [10.0.0.2]"
    assert replaced(*REPLACED, other) == {"kubelet on 10.0.0.1"}
    assert replaced(*REPLACED, other, f"[worker] Successfully updated [kubelet] container {HOST}") == set()
    assert replaced(*REPLACED, f"[worker] Successfully started [kubelet] container {HOST}") == set()


def test_a_restarted_container_is_replaced_until_rke_goes_on_with_its_host():
    restart = f"Restarting container [etcd] {HOST}, try #1"
    assert replaced(restart) == {"etcd on 10.0.0.1"}
    assert replaced(restart, restart.replace("#1", "#2")) == {"etcd on 10.0.0.1"}
    assert replaced(restart, "Image [x] exists on host [10.0.0.2]") == {"etcd on 10.0.0.1"}
    assert replaced(restart, f"[restart/etcd] Successfully restarted container {HOST}") == set()
    assert replaced(restart, f"[healthcheck] Start Healthcheck on service [etcd] {HOST}") == set()


def test_one_time_containers_and_removed_ones_hold_nothing_up():
    assert (
        replaced(
            f"Starting container [rke-log-linker] {HOST}, try #1",
            f"Waiting for [rke-log-linker] container to exit {HOST}",
            f"Removing container [rke-log-linker] {HOST}, try #1",
        )
        == set()
    )
