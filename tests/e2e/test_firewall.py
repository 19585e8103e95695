"""The nodes' packet filter: who reaches etcd and the kubelets, and that the platform still does what it has to."""

from __future__ import annotations

import pytest
from conftest import ADMIN, NODES, changed, failed, states_of

CONTROL, WORKER = "172.31.50.11", "172.31.50.22"


def reaches(lab, node: str, address: str, port: int) -> bool:
    command = f"timeout 3 bash -c 'exec 3<>/dev/tcp/{address}/{port}' 2>/dev/null && echo open || true"
    return lab.ssh(node, command).strip() == "open"


@pytest.mark.parametrize(("node", "expected"), [("k8s-cp1", True), ("k8s-w1", False)])
def test_etcd_is_for_the_control_plane(lab, node, expected):
    assert [reaches(lab, node, CONTROL, port) for port in (2379, 2380)] == [expected, expected]


def test_kubelets_are_for_the_nodes(lab):
    assert reaches(lab, "k8s-w1", WORKER, 10250)
    code = f"timeout 3 bash -c 'exec 3<>/dev/tcp/{WORKER}/PORT' && echo open || echo closed"
    said = {port: lab.salt(ADMIN, "cmd.run_stdout", code.replace("PORT", port))[ADMIN] for port in ("22", "10250")}
    assert {port: text.split()[-1] for port, text in said.items()} == {"22": "open", "10250": "closed"}


@pytest.mark.parametrize("node", sorted(NODES))
def test_a_second_run_changes_nothing(lab, node):
    answer = lab.salt(node, "state.apply", "k8s.os.firewall")[node]
    assert states_of(answer) and not failed(answer) and not changed(answer)
