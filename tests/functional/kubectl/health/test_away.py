"""The API server is away for a moment while a state waits: it waits on, until the timeout."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from salt.exceptions import CommandExecutionError
from saltk8s.kubectl.client import program
from tests.support import faults
from tests.support import kubectl as objects

WELL = {"observedGeneration": 9, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}
LISTS = r"labelSelector=saltk8s.io%2Fset%3D"


@pytest.fixture
def proxied(loaded, own_apiserver, monkeypatch):
    """A proxy, and a function that calls the module through it."""
    monkeypatch.setenv("PATH", str(Path(own_apiserver.kubectl_path).parent), prepend=os.pathsep)
    monkeypatch.setattr(program, "REQUEST_TIMEOUT_S", 2)
    proxy = faults.Proxy(own_apiserver)
    own = {"kubeconfig": str(own_apiserver.kubeconfig_with("proxied", proxy.url))}
    yield proxy, lambda function, *args, **kw: loaded.call(f"kubectl.{function}", *args, **(own | kw))
    proxy.close()


WAYS = {
    "closes the connection": lambda exchange: exchange.cut(),
    "does not answer": lambda exchange: exchange.hold(),
    "has no backend": lambda exchange: exchange.answer(503, "no server is available"),
    "throttles": lambda exchange: exchange.reject(429, "TooManyRequests", "too many requests", Retry_After="1"),
    "has an internal error": lambda exchange: exchange.reject(500, "InternalError", "etcdserver: leader changed"),
    "answers with a page": lambda exchange: exchange.answer(200, "<html>maintenance</html>", Content_Type="text/html"),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_is_away_for_a_moment(own_apiserver, proxied, way):
    proxy, call = proxied
    name = f"away-{way.replace(' ', '-')}"
    faulty = threading.Event()

    def fail(exchange):
        faulty.set()
        WAYS[way](exchange)

    # the first LISTs are those of the set itself: then it waits
    call("apply", name, objects=[objects.deployment(name)], wait=False)
    proxy.on(fail, uri=f"deployments.*{LISTS}", skip=1, times=2)
    threading.Thread(target=lambda: (faulty.wait(30), own_apiserver.set_status("deployment", name, WELL))).start()
    assert call("apply", name, objects=[objects.deployment(name)], timeout_s=60)["changes"] == {}
    assert faulty.is_set()


def test_it_stays_away(own_apiserver, proxied):
    proxy, call = proxied
    call("apply", "stays-away", objects=[objects.deployment("stays-away")], wait=False)
    proxy.on(lambda exchange: exchange.cut(), uri=f"deployments.*{LISTS}", skip=1)
    with pytest.raises(CommandExecutionError) as raised:
        call("apply", "stays-away", objects=[objects.deployment("stays-away")], timeout_s=4)
    assert str(raised.value).startswith("not known whether it is healthy after 4 s: "), raised.value
    assert "the API server does not answer" in str(raised.value)
    assert raised.value.details["error"] == "unreachable"


def test_ready_waits_for_the_api_server_too(own_apiserver, proxied):
    proxy, call = proxied
    call("apply", "asked", objects=[objects.deployment("asked")], wait=False)
    own_apiserver.set_status("deployment", "asked", WELL)
    proxy.on(lambda exchange: exchange.cut(), times=6)
    assert call("wait_ready", "asked", timeout_s=30) is True
    proxy.on(lambda exchange: exchange.cut(), times=3)
    stub = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "asked", "namespace": "default"}}
    assert call("wait_ready", objects=[stub], timeout_s=30) is True
    proxy.on(lambda exchange: exchange.cut(), times=3)
    assert call("wait", "deployment", name="asked", jsonpath=".status.replicas=2", timeout_s=30)["objects"]


def test_no_kubeconfig_is_not_waited_for(proxied, tmp_path):
    _, call = proxied
    with pytest.raises(CommandExecutionError, match="no kubeconfig"):
        call("wait_ready", "any", timeout_s=600, kubeconfig=str(tmp_path / "none"))
