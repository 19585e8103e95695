"""Docker's configuration, judged by the real dockerd of this machine, and put in place where systemd is a stand-in.

No Docker of this machine is restarted: what would be is in a folder. One dockerd is started, in a folder of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from saltk8s.base import errors, process
from saltk8s.nodes import dockerd, rolling
from saltk8s.nodes.turn import Turn

INSTALLED = dockerd.Dockerd(Path).program and shutil.which("docker")
real = pytest.mark.skipif(not INSTALLED, reason="no Docker on this machine")
GOOD = {
    "data-root": "/var/lib/docker",
    "exec-opts": ["native.cgroupdriver=systemd"],
    "live-restore": True,
    "log-driver": "json-file",
    "log-opts": {"max-size": "10m", "max-file": "3"},
}


class Standin(dockerd.Dockerd):
    """Docker in a folder: systemctl and docker are answered here, dockerd is the real one."""

    def __init__(self, root, monkeypatch, containers=0):
        super().__init__(lambda path: root / path.lstrip("/"))
        self.starts, self.ran, self.flags = True, [], ""
        self.says = {"DockerRootDir": "/var/lib/docker", "CgroupDriver": "systemd", "Driver": "overlay2"}
        self.says |= {"Containers": containers, "ContainersRunning": containers, "Images": containers}
        (root / "usr/bin").mkdir(parents=True)
        (root / "usr/bin/dockerd").symlink_to(dockerd.Dockerd(Path).program)
        self._run = process.run
        monkeypatch.setattr(process, "run", self.run)

    def run(self, argv, **more):
        """Answer in place of the machine's programs."""
        if argv[0] == "systemctl" and argv[1] == "show":
            return process.Result(0, self.flags, "")
        if argv[0] in ("systemctl", "journalctl"):
            self.ran.append(argv[1])
            return process.Result(0, 'level=fatal msg="unknown storage driver"', "")
        if argv[0] == "docker":
            started = self.starts if isinstance(self.starts, bool) else self.starts(self.content())
            return process.Result(0, json.dumps(self.says), "") if started else process.Result(1, "", "no daemon")
        return self._run(argv, **more)


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Docker in a folder, with 40 containers and a daemon.json."""
    found = Standin(tmp_path, monkeypatch, 40)
    found.put(GOOD, restart=False)
    monkeypatch.setattr(dockerd, "UP_S", 0)
    return found


@real
@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({}, ""),
        ({"log-lvl": "debug"}, "log-lvl"),
        ({"live-restore": "yes"}, "live-restore"),
        ({"dns": ["nowhere"]}, "nowhere is not an ip address"),
        ({"log-level": "chatty"}, "chatty"),
        ({"default-runtime": "of-nobody"}, "of-nobody"),
    ],
)
def test_dockerd_itself_judges(over, said):
    found = dockerd.Dockerd(Path).problem(GOOD | over)
    assert said in found and bool(found) is bool(said)


@real
def test_a_flag_of_the_service_counts(docker):
    docker.flags = "{ path=/usr/bin/dockerd ; argv[]=/usr/bin/dockerd -H fd:// $OPTS ; ignore_errors=no ; pid=1 }"
    assert docker.problem(GOOD) == ""
    assert "hosts" in docker.problem(GOOD | {"hosts": ["tcp://127.0.0.1:2375"]})


@real
def test_nothing_is_touched_before_the_nodes_turn(docker, tmp_path):
    wanted = GOOD | {"log-opts": {"max-size": "50m", "max-file": "3"}}
    before = (tmp_path / "etc/docker/daemon.json").read_bytes()
    for test in (True, False):
        found = rolling.configure(docker, wanted, {}, None, test)
        assert found["waiting"] and found["changes"] == {}
        assert "40 containers run here, and it is not this node's turn" in found["lines"][0]
        assert "log-opts" in found["lines"][1]
    assert (tmp_path / "etc/docker/daemon.json").read_bytes() == before and docker.ran == []
    foretold = rolling.configure(docker, wanted, {}, Turn("w", False), True)
    assert docker.content() == GOOD and docker.ran == []
    done = rolling.configure(docker, wanted, {}, Turn("w", False), False)
    assert foretold["changes"] == done["changes"] == {"log-opts": {"old": GOOD["log-opts"], "new": wanted["log-opts"]}}
    assert docker.content() == wanted and docker.ran == ["reset-failed", "restart"] and not docker.tried
    assert rolling.configure(docker, wanted, {}, None, False)["changes"] == {}


@real
def test_a_blank_node_gets_it_at_once(docker):
    docker.says["ContainersRunning"] = docker.says["Containers"] = docker.says["Images"] = 0
    assert rolling.configure(docker, GOOD | {"data-root": "/srv/docker"}, {}, None, False)["changes"]
    assert docker.ran == ["reset-failed", "restart"]


@real
def test_one_that_dockerd_refuses_is_never_put_in_place(docker):
    for given in (None, Turn("w", True)):
        with pytest.raises(errors.Refused, match="log-lvl"):
            rolling.configure(docker, GOOD | {"log-lvl": "debug"}, {}, given, False)
    assert docker.content() == GOOD and docker.ran == []
    waits = rolling.configure(docker, GOOD | {"log-lvl": "debug"}, {"docker-ce": {"old": "1", "new": "2"}}, None, False)
    assert waits["waiting"], "the next version may know it"


@real
def test_one_that_docker_does_not_start_with_is_taken_back(docker):
    wanted = GOOD | {"storage-driver": "overlay2", "mtu": 1400}
    docker.starts = lambda content: content == GOOD
    info, docker.info = docker.info, lambda: info() or (docker.says if docker.ran == [] else None)
    with pytest.raises(errors.CommandError) as raised:
        rolling.configure(docker, wanted, {}, Turn("w", True), False)
    assert "unknown storage driver" in str(raised.value) and "Docker runs with it" in str(raised.value)
    assert docker.content() == GOOD and not docker.tried


@real
def test_a_restart_that_was_interrupted_is_done_again(docker, tmp_path):
    (tmp_path / dockerd.BEFORE.lstrip("/")).write_text("{}")
    assert rolling.pending(docker, GOOD, {}, {})["lines"]
    assert rolling.configure(docker, GOOD, {}, None, False)["waiting"]
    assert rolling.configure(docker, GOOD, {}, Turn("w", False), False)["changes"]
    assert docker.ran == ["reset-failed", "restart"] and rolling.pending(docker, GOOD, {}, {})["lines"] == []


@real
@pytest.mark.skipif(os.geteuid() != 0, reason="dockerd needs root")
def test_what_a_real_docker_keeps_is_not_lost(tmp_path, monkeypatch):
    folder = tmp_path / "d"
    (tmp_path / "none.json").write_text("{}")
    program = INSTALLED and dockerd.Dockerd(Path).program
    # in a network namespace of its own: one without a bridge deletes docker0 of the machine when it starts
    words = ["unshare", "--net", program, "--config-file", tmp_path / "none.json"]
    words += ["--data-root", folder, "--exec-root", tmp_path / "x", "--pidfile", tmp_path / "pid"]
    words += ["--host", f"unix://{tmp_path}/s", "--bridge", "none", "--iptables=false", "--storage-driver", "vfs"]
    with (tmp_path / "log").open("w") as log:
        daemon = subprocess.Popen([str(word) for word in words], stdout=log, stderr=log)
    try:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
        docker = dockerd.Dockerd(lambda path: tmp_path / "root" / path.lstrip("/"))
        end = time.monotonic() + 120
        while not docker.info():
            assert daemon.poll() is None and time.monotonic() < end, (tmp_path / "log").read_text()[-2000:]
            time.sleep(0.2)
        kept = {"data-root": str(folder), "live-restore": True}
        (tmp_path / "root/usr/bin").mkdir(parents=True)
        (tmp_path / "root/usr/bin/dockerd").symlink_to(str(program))
        docker.put(kept, restart=False)
        subprocess.run(["tar", "-cf", tmp_path / "none.tar", "-T", os.devnull], check=True)
        subprocess.run(["docker", "import", tmp_path / "none.tar", "nothing"], check=True, capture_output=True)
        for over, named in ({"data-root": "/srv/docker"}, "data folder"), ({"storage-driver": "overlay2"}, "vfs"):
            with pytest.raises(errors.Refused, match=named) as raised:
                rolling.configure(docker, kept | over, {}, None, True)
            assert "0 containers and 1 images" in str(raised.value) and "docker system prune" in str(raised.value)
        subprocess.run(["docker", "image", "rm", "nothing"], check=True, capture_output=True)
        assert rolling.configure(docker, kept | {"storage-driver": "overlay2"}, {}, None, True)["changes"]
    finally:
        daemon.terminate()
        daemon.wait(60)
