"""The node's packet filter, loaded into network namespaces that the test makes, and asked from others."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import uuid

import pytest
from saltk8s.base import errors, process
from saltk8s.nodes import firewall
from tests.support import nodes

NODE, CONTROL, WORKER, OUTSIDE, POD = "10.20.0.11", "10.20.0.12", "10.20.0.21", "10.20.0.99", "10.42.0.5"
SERVER = """
import selectors, socket, sys
chosen = selectors.DefaultSelector()
for port in map(int, sys.argv[2:]):
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((sys.argv[1], port))
    one.listen()
    chosen.register(one, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in chosen.select():
        key.fileobj.accept()[0].close()
"""
PORTS = (22, 2379, 2380, 2381, 6443, 7946, 9091, 9100, 10250, 30080)


def model(**over):
    """Two control planes and a worker, one of them this node."""
    built = nodes.built({"os": {"firewall": "managed", **over}})
    roles = {"k8s-cp1": (NODE, ["controlplane", "etcd"]), "k8s-cp2": (CONTROL, ["controlplane", "etcd"])}
    roles["k8s-w1"] = (WORKER, ["worker"])
    built["nodes"] = {
        name: {"name": name, "ip": ip, "roles": list(which), "internal_address": None}
        for name, (ip, which) in roles.items()
    }
    return built


def in_space(space, *argv, **more):
    return subprocess.run(["ip", "netns", "exec", space, *argv], capture_output=True, text=True, check=False, **more)


@pytest.fixture
def spaces(monkeypatch):
    """The network namespace of a node, and one that has every other address; our programs run in the node's."""
    if os.geteuid() or not shutil.which("ip") or not shutil.which("iptables-save"):
        pytest.skip("takes root, ip and iptables")
    mark = uuid.uuid4().hex[:6]
    node, others = f"saltk8s-n{mark}", f"saltk8s-o{mark}"
    run = process.run
    with contextlib.ExitStack() as stack:
        for space in (node, others):
            subprocess.run(["ip", "netns", "add", space], check=True)
            stack.callback(subprocess.run, ["ip", "netns", "delete", space], check=False)
            assert in_space(space, "ip", "link", "set", "lo", "up").returncode == 0
        link = ["ip", "link", "add", "e0", "netns", node, "type", "veth", "peer", "name", "e0", "netns", others]
        if subprocess.run(link, check=False).returncode:
            pytest.skip("this kernel has no veth")
        addresses = {node: [NODE], others: [CONTROL, WORKER, OUTSIDE, POD]}
        for space, found in addresses.items():
            for address in found:
                in_space(space, "ip", "address", "add", f"{address}/24", "dev", "e0")
            in_space(space, "ip", "link", "set", "e0", "up")
        in_space(node, "ip", "route", "add", "10.42.0.0/16", "dev", "e0")
        argv = ["ip", "netns", "exec", node, "python3", "-c", SERVER, "0.0.0.0", *map(str, PORTS)]
        server = stack.enter_context(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True))
        stack.callback(server.kill)
        assert server.stdout.readline() == "ready\n"
        monkeypatch.setattr(process, "run", lambda argv, **more: run(["ip", "netns", "exec", node, *argv], **more))
        yield node, others


def answers(space, source, port, target=NODE):
    """Whether a port answers a connection from an address."""
    code = (
        "import socket, sys\nsocket.create_connection((sys.argv[1], int(sys.argv[2])), 1, (sys.argv[3], 0)).close()\n"
    )
    return in_space(space, "python3", "-c", code, target, str(port), source).returncode == 0


def test_who_reaches_what(spaces):
    node, others = spaces
    assert all(answers(others, OUTSIDE, port) for port in (2379, 10250)), "before, everybody does"
    firewall.load(firewall.rules(model()), test=False)
    open_to = {
        port: {source for source in (CONTROL, WORKER, OUTSIDE, POD) if answers(others, source, port)} for port in PORTS
    }
    everybody = {CONTROL, WORKER, OUTSIDE, POD}
    assert open_to == {
        **dict.fromkeys((22, 6443, 30080), everybody),
        **dict.fromkeys((2379, 2380), {CONTROL}),
        7946: {CONTROL, WORKER},
        **dict.fromkeys((2381, 9091, 9100, 10250), {CONTROL, WORKER, POD}),
    }
    assert answers(node, "127.0.0.1", 2379, "127.0.0.1") and answers(node, NODE, 10250)


def test_networks_of_the_pillar_pass(spaces):
    _, others = spaces
    firewall.load(firewall.rules(model(firewall_allow=["10.20.0.96/29"])), test=False)
    assert [answers(others, OUTSIDE, port) for port in (2379, 7946, 10250)] == [True, True, True]
    assert not answers(others, POD, 2379)


def test_loaded_once_with_the_rules_of_others_untouched(spaces):
    node, _ = spaces
    foreign = "-A PREROUTING -i docker9 -j DROP"
    assert in_space(node, "iptables", "-t", "raw", *foreign.split()).returncode == 0
    wanted = firewall.rules(model())

    def live():
        return in_space(node, "iptables-save", "-t", "raw").stdout

    before = live()
    would = firewall.load(wanted, test=True)
    assert set(would["changes"]) >= {"IPv4"} and live() == before
    did = firewall.load(wanted, test=False)
    assert did == would, (did, would, live())
    assert firewall.load(wanted, test=True)["changes"] == firewall.load(wanted, test=False)["changes"] == {}
    assert foreign in live()
    # another member, and a rule that somebody took out
    in_space(node, "iptables", "-t", "raw", "-D", *firewall.JUMP.split()[1:])
    assert firewall.load(wanted, test=False)["changes"] and not firewall.load(wanted, test=False)["changes"]
    more = firewall.rules(model(firewall_allow=["10.30.0.0/24"]))
    assert firewall.load(more, test=False)["changes"] and not firewall.load(more, test=False)["changes"]
    assert live().count(firewall.JUMP) == 1
    assert firewall.load({}, test=False)["changes"] and not firewall.load({}, test=False)["changes"]
    assert foreign in live() and firewall.CHAIN not in live()


def test_the_file_for_the_next_boot_gives_the_same_rules(spaces):
    node, _ = spaces
    wanted = firewall.rules(model())
    for family, program in firewall.PROGRAMS.items():
        argv = (f"{program}-restore", "--wait", "--noflush")
        done = in_space(node, *argv, input=firewall.text(wanted[family]))
        assert family == "IPv6" or done.returncode == 0, done.stderr
    assert firewall.load(wanted, test=True)["changes"] == {}


def test_refused_rules_are_an_error(spaces):
    with pytest.raises(errors.CommandError, match="iptables-restore refused the rules"):
        firewall.load({"IPv4": ["-A SALTK8S -s nonsense/77 -j RETURN"]}, test=False)
