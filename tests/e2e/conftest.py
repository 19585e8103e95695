"""The running lab, seen as an operator sees it: through the commands in ``lab/bin``."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "lab" / "bin"
NODES = {"k8s-cp1": "172.31.50.11", "k8s-w1": "172.31.50.21", "k8s-w2": "172.31.50.22"}
ADMIN = "k8s-admin"
# the test images that the lab builds and puts in its registry
WEB = "172.31.50.1:5000/saltk8s-lab/web:1"
CLIENT = "172.31.50.1:5000/saltk8s-lab/client:1"


def pytest_addoption(parser):
    """``--without-slow`` and ``--time-limit``, for a machine with little time; ``--life``, of `make e2e-life`."""
    parser.addoption("--without-slow", action="store_true", help="skip the tests that take a minute or more")
    parser.addoption("--life", action="store_true", help="run the tests that change the lab's machines, and no others")
    parser.addoption("--time-limit", type=float, metavar="S", help="start no test after so many seconds, and list them")


def pytest_collection_modifyitems(config, items):
    """Skip slow tests with ``--without-slow``, the machines' without ``--life``; each is listed at the end."""
    if config.getoption("--life", default=False):
        others = [item for item in items if not item.get_closest_marker("life")]
        items[:] = [item for item in items if item.get_closest_marker("life")]
        config.hook.pytest_deselected(items=others)
    for item in items:
        if item.get_closest_marker("life") and not config.getoption("--life", default=False):
            item.add_marker(pytest.mark.skip(reason=f"{item.name} changes the lab's machines: make e2e-life"))
        elif item.get_closest_marker("slow") and config.getoption("--without-slow", default=False):
            item.add_marker(pytest.mark.skip(reason=f"{item.name} is slow: --without-slow"))


def pytest_collection_finish(session):
    """Note when the tests begin."""
    session.began = time.monotonic()


def pytest_runtest_setup(item):
    """Skip what begins after ``--time-limit``; each is listed at the end."""
    limit_s = item.config.getoption("--time-limit", default=None)
    if limit_s is not None and time.monotonic() - item.session.began > limit_s:
        pytest.skip(f"{item.name}: no time is left: --time-limit")


class Lab:
    """The lab's commands as functions; each fails with the command's complete output."""

    def run(self, *argv: str, stdin: str | None = None, timeout_s: int = 300, check: bool = True):
        """Run one of ``lab/bin``; return the completed process."""
        done = subprocess.run(
            [str(BIN / argv[0]), *argv[1:]], input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if check and done.returncode:
            pytest.fail(f"{' '.join(argv)} exited with status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def salt(self, target: str, function: str, *args: str, timeout_s: int = 900, check: bool = True) -> dict:
        """Run a function on minions; return {minion id: its answer}."""
        argv = ["salt", "--out=json", "--static", "-t", str(timeout_s), target, function, *args]
        done = self.run(*argv, timeout_s=timeout_s + 60, check=check)
        return json.loads(done.stdout[done.stdout.index("{") :])

    def kubectl(self, *args: str, stdin: str | None = None, check: bool = True, timeout_s: int = 300) -> str:
        """Run kubectl; return its output."""
        return self.run("kubectl", *args, stdin=stdin, check=check, timeout_s=timeout_s).stdout

    def objects(self, *args: str) -> dict:
        """``kubectl get ... -o json`` as data."""
        return json.loads(self.kubectl("get", *args, "-o", "json"))

    def ssh(self, node: str, command: str, check: bool = True) -> str:
        """Run a command on a node; return its output."""
        return self.run("ssh", node, command, check=check).stdout


def container_of(node: str) -> str:
    """Id of the container behind a VM of the simulator."""
    argv = ["docker", "ps", "-aq", "--no-trunc", "--filter", f"name=vcsim-{node}-"]
    found = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert len(found) == 1, f"containers of {node}: {found}"
    return found[0]


def until(condition, what: str, timeout_s: float = 90, every_s: float = 1.0):
    """Wait for a condition; return its value once it is true, fail with ``what`` at the timeout."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"not within {timeout_s:g} s: {what}")
        time.sleep(every_s)


def states_of(answer) -> list[dict]:
    """The states of one minion's ``state.apply`` answer, in the order they ran."""
    assert isinstance(answer, dict), f"not a state run: {answer}"
    return sorted(answer.values(), key=lambda state: state["__run_num__"])


def failed(answer) -> list[str]:
    """Ids and comments of the states that failed."""
    return [f"{state.get('__id__')}: {state['comment']}" for state in states_of(answer) if state["result"] is False]


def changed(answer) -> list[str]:
    """Ids and changes of the states that changed something."""
    return [f"{state.get('__id__')}: {state['changes']}" for state in states_of(answer) if state["changes"]]


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The lab, which must be up (``make lab``)."""
    running = Lab()
    answer = running.salt("*", "test.ping", timeout_s=30)
    assert answer == dict.fromkeys([ADMIN, *NODES], True), f"run `make lab` first: {answer}"
    return running


@pytest.fixture(autouse=True, scope="module")
def service_of_the_module(lab, request):
    """A module with a ``SERVICE`` is skipped when the lab's pillar has that service off."""
    service = getattr(request.module, "SERVICE", None)
    if service and not lab.salt(ADMIN, "k8s_config.get")[ADMIN]["services"][service]["enabled"]:
        pytest.skip(f"the lab's pillar has {service} off: see lab/README.md")


@pytest.fixture
def namespace(lab, request):
    """A namespace of the test's own, deleted after the test."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).removeprefix("test-")
    name = f"e2e-{words[:40]}".rstrip("-")
    lab.kubectl("create", "namespace", name)
    yield name
    lab.kubectl("delete", "namespace", name, "--wait=true", "--timeout=120s")
