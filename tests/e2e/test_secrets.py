"""The lab's own secrets are the canaries: searched for wherever they must not be."""

from __future__ import annotations

import json
import pathlib
import subprocess
import threading
import time

import pytest
from conftest import ADMIN, NODES, container_of

EDIT = json.dumps({"k8s": {"cluster": {"audit_log": {"keep_days": 32}}}})


@pytest.fixture(scope="module")
def canaries(lab) -> dict[str, str]:
    """Name -> a text that only the secret contains, as `make lab` noted them."""
    argv = ["docker", "exec", "saltk8s-lab-admin", "cat", "/etc/saltk8s-lab/canaries.json"]
    found = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    assert set(found) == {
        "ssh key",
        "registry password",
        "vCenter password",
        "platform key",
        "S3 secret key",
        "secret key of the snapshots' S3",
        "backup password",
    }
    assert all(len(text) >= 12 for text in found.values())
    return found


# the texts go in by standard input: an argument would be the very leak that is looked for
SEARCH = 'cat > /run/canaries; "$@" -exec grep -l -a -F -f /run/canaries {} +; rm -f /run/canaries'


def grep(container: str, canaries: dict[str, str], *find: str) -> list[str]:
    """Files of a machine, chosen by the arguments of ``find``, that hold a canary."""
    argv = ["docker", "exec", "-i", container, "sh", "-c", SEARCH, "sh", "find", *find, "-type", "f", "-not", "-path"]
    texts = "\n".join(canaries.values()) + "\n"
    done = subprocess.run([*argv, "/run/canaries"], input=texts, capture_output=True, text=True, check=False)
    return done.stdout.split()


def machines() -> dict[str, str]:
    """Machine -> container id."""
    return {ADMIN: "saltk8s-lab-admin"} | {node: container_of(node) for node in NODES}


def test_the_search_finds_a_canary_where_it_may_be(lab, canaries):
    found = grep("saltk8s-lab-admin", canaries, "/var/lib/saltk8s", "/etc/salt", "-xdev")
    assert any("cluster.yml" in path for path in found)
    assert any("cloud.providers.d" in path for path in found)


def test_no_secret_in_a_world_readable_file(lab, canaries):
    for machine, container in machines().items():
        found = grep(container, canaries, "/", "/var/lib/kubelet", "-xdev", "-perm", "-o=r", "-size", "-4M")
        assert found == [], machine


def test_no_secret_in_a_log(lab, canaries):
    for machine, container in machines().items():
        assert grep(container, canaries, "/var/log", "/var/lib/docker/containers", "-name", "*log*") == [], machine


def test_no_secret_in_a_workers_pillar(lab, canaries):
    for minion, pillar in lab.salt("k8s-*", "pillar.items", "unmask=True", check=False).items():
        if minion == ADMIN:
            continue
        text = json.dumps(pillar)
        assert "cluster" in text, minion
        assert not [name for name, secret in canaries.items() if secret in text], minion


@pytest.mark.slow
def test_no_secret_in_argv_or_answers(lab, canaries):
    """Watch every process of every lab machine while a run really changes the cluster."""
    seen: set[str] = set()
    done = threading.Event()

    def watch():
        while not done.is_set():
            for cmdline in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    text = cmdline.read_bytes().decode(errors="replace")
                except OSError:
                    continue
                seen.update(name for name, secret in canaries.items() if secret in text)
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        answers = [lab.salt("*", "state.apply", "k8s", f"pillar={EDIT}"), lab.salt("*", "state.apply", "k8s")]
        answers.append(lab.run("salt-cloud", "-m", "/etc/salt/cloud.maps.d/lab.map", "-P", "-y").stdout)
    finally:
        done.set()
        watcher.join()
    assert not seen, f"in argv: {seen}"
    text = json.dumps(answers)
    assert "changes" in text
    assert not [name for name, secret in canaries.items() if secret in text]
