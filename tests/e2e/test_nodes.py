"""The nodes are configured as the formulas declare: checked on the machines, not in the states' answers."""

from __future__ import annotations

import json

from conftest import ADMIN, NODES, changed, failed, states_of

MORE_LOGS = json.dumps({"k8s": {"docker": {"log_files": 4}}})


def on_nodes(lab, function: str, *args: str) -> dict:
    """Run a function on every node; return its answer by node, none of them missing."""
    found = lab.salt("k8s-[cw]*", function, *args)
    assert set(found) == set(NODES)
    return found


def started(lab, node: str) -> dict[str, str]:
    """When each running container of a node was started, by id."""
    text = lab.ssh(node, "docker inspect -f '{{.Id}} {{.State.StartedAt}}' $(docker ps -q)")
    return dict(line.split() for line in text.splitlines())


def test_a_second_run_changes_nothing_and_test_mode_says_so(lab):
    for mode in ([], ["test=True"]):
        for node, answer in on_nodes(lab, "state.apply", "k8s", *mode).items():
            assert (failed(answer), changed(answer)) == ([], []), node
            assert {state["result"] for state in states_of(answer)} == {True}, node


def test_docker_has_the_pinned_version_and_is_held(lab):
    for node, held in on_nodes(lab, "pkg.get_selections", "state=hold").items():
        assert {"docker.io", "containerd", "runc"} <= set(held["hold"]), node
    for node in NODES:
        assert lab.ssh(node, "docker version -f '{{.Server.Version}}'").startswith("20.10"), node


def test_docker_runs_with_its_daemon_json(lab):
    wanted = on_nodes(lab, "k8s_docker.daemon")
    for node in NODES:
        assert json.loads(lab.ssh(node, "cat /etc/docker/daemon.json")) == wanted[node]
        told = json.loads(lab.ssh(node, "docker info -f '{{json .}}'"))
        driver = wanted[node]["exec-opts"][0].partition("=")[2]
        assert (told["CgroupDriver"], told["LiveRestoreEnabled"], told["LoggingDriver"]) == (driver, True, "json-file")


def test_a_new_daemon_json_waits_for_the_nodes_turn_and_restarts_no_container(lab):
    node = "k8s-w2"
    before = started(lab, node)
    assert before
    waits = lab.salt(node, "state.apply", "k8s.docker", f"pillar={MORE_LOGS}")[node]
    assert (failed(waits), changed(waits)) == ([], [])
    assert any("it is not this node's turn" in state["comment"] for state in states_of(waits))
    assert lab.salt(ADMIN, "k8s_nodes.begin", node, "drain=False")[ADMIN]["changes"]
    try:
        answer = lab.salt(node, "state.apply", "k8s.docker", f"pillar={MORE_LOGS}")[node]
        assert not failed(answer)
        assert {state["__id__"] for state in states_of(answer) if state["changes"]} == {"k8s-docker-daemon-json"}
        back = lab.salt(node, "state.apply", "k8s.docker")[node]
        assert not failed(back) and changed(back)
    finally:
        assert lab.salt(ADMIN, "k8s_nodes.end", node)[ADMIN]["changes"]
    after = started(lab, node)
    assert {name: after.get(name) for name in before} == before


def test_the_deploy_user_has_its_key_and_no_more(lab):
    for node in NODES:
        assert "docker" in lab.ssh(node, "id -nG rke").split(), node
        lines = lab.ssh(node, "cat /home/rke/.ssh/authorized_keys").splitlines()
        keys = [line for line in lines if line and not line.startswith("#")]
        assert len(keys) == 1 and keys[0].startswith("restrict,port-forwarding ssh-"), node
        assert lab.ssh(node, "stat -c '%a %U' /home/rke/.ssh/authorized_keys").split() == ["600", "rke"]
        assert lab.ssh(node, "getent shadow rke").split(":")[1] == "*", "no password opens it"


def test_the_ssh_server_forwards_for_the_deploy_user(lab):
    assert on_nodes(lab, "k8s_host.ssh_obstacles", "rke") == dict.fromkeys(NODES, [])


def test_the_nodes_find_one_another_and_forward_packets(lab):
    for node in NODES:
        for name, address in NODES.items():
            assert address in lab.ssh(node, f"getent ahostsv4 {name}"), (node, name)
        for setting in ("net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables"):
            assert lab.ssh(node, f"sysctl -n {setting}").strip() == "1", (node, setting)
        written = lab.ssh(node, "cat /etc/sysctl.d/90-saltk8s.conf")
        assert "net.ipv4.ip_forward = 1" in written
        assert [line for line in written.splitlines() if line.startswith(("kernel.", "vm.", "fs."))] == []


def test_what_a_container_cannot_do_is_in_the_comment(lab):
    for node, answer in on_nodes(lab, "state.apply", "k8s.os", "test=True").items():
        comments = {state["__id__"]: state["comment"] for state in states_of(answer)}
        assert "docker container" in comments["k8s-os-modules"], node
        assert "docker container" in comments["k8s-os-swap"], node
        assert "docker container" in comments["k8s-os-time"], node
        assert "left to its host: " in comments["k8s-os-sysctls"], node
        assert "kernel.panic" in comments["k8s-os-sysctls"], node


def test_clean_lists_what_it_would_remove_and_test_mode_removes_nothing(lab):
    node = "k8s-w1"
    before = lab.ssh(node, "sha256sum /etc/hosts /etc/docker/daemon.json /etc/ssh/sshd_config.d/50-saltk8s.conf")
    would = {}
    for sls in ("k8s.docker.clean", "k8s.os.clean"):
        answer = lab.salt(node, "state.apply", sls, "test=True")[node]
        assert not failed(answer)
        would |= {state["__id__"]: state["result"] for state in states_of(answer)}
    for state in ("k8s-docker-packages-removed", "k8s-os-user-absent", "k8s-os-hosts-absent", "k8s-os-user-key-absent"):
        assert would[state] is None, state
    after = lab.ssh(node, "sha256sum /etc/hosts /etc/docker/daemon.json /etc/ssh/sshd_config.d/50-saltk8s.conf")
    assert after == before
