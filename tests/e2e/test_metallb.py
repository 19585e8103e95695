"""MetalLB: pools and their namespaces, and failover of an address when its announcing node is gone."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from conftest import ADMIN, container_of, failed, until
from manifests import listing, service, web

SILENCE_S = 60  # within this long another node has to answer: the dead node's endpoints go after some 40 s


def here(url: str, patience_s: float = 1.0) -> str:
    """Body of an HTTP request from this machine, "" at the timeout."""
    argv = ["curl", "-s", "-m", str(patience_s), url]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def announcers(lab, namespace: str, name: str) -> set[str]:
    """The nodes that announce a service by their events; a dead one cannot withdraw its event."""
    found = [item.get("status") or {} for item in lab.objects("servicel2statuses.metallb.io", "-A")["items"]]
    return {one["node"] for one in found if (one.get("serviceNamespace"), one.get("serviceName")) == (namespace, name)}


def address_of(lab, namespace: str, name: str) -> str | None:
    """The address of a service of type LoadBalancer, None before it has one."""
    ingress = lab.objects("-n", namespace, "service", name)["status"]["loadBalancer"].get("ingress")
    return ingress[0]["ip"] if ingress else None


def hardware_of(address: str) -> str:
    """The MAC by which this machine knows an address, "" when it knows none."""
    argv = ["ip", "-j", "neigh", "show", address]
    found = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout or "[]")
    return found[0].get("lladdr", "") if found else ""


def watch(address: str, before: str, start: float) -> dict[str, float]:
    """Ask until the address has answered five times in a row from another node; return when things happened.

    In seconds after ``start``. arp: another machine's MAC is known for the address (until then a paused node's kernel
    may still pass requests on); first: the first answer from there; steady: the first of five in a row.
    """
    times: dict[str, float] = {}
    row, began = 0, 0.0
    while time.monotonic() - start < SILENCE_S:
        time.sleep(0.2)
        asked = time.monotonic() - start
        answer = here(f"http://{address}/")
        if "arp" not in times and hardware_of(address) not in ("", before):
            times["arp"] = time.monotonic() - start
        if "arp" not in times:
            continue
        if answer:
            times.setdefault("first", asked)
            began, row = (began, row + 1) if row else (asked, 1)
        else:
            row = 0
        if row == 5:
            return times | {"steady": began}
    return times


@pytest.mark.slow
def test_failover_when_the_announcing_node_is_gone(lab, namespace):
    objects = [web("front", replicas=3), service("front", kind="LoadBalancer")]
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(*objects))
    lab.kubectl("-n", namespace, "rollout", "status", "deployment/front", "--timeout=120s")
    pods = lab.objects("-n", namespace, "pods", "-l", "app=front")["items"]
    assert {pod["spec"]["nodeName"] for pod in pods} == {"k8s-w1", "k8s-w2"}, "an endpoint outlives either worker"
    address = until(lambda: address_of(lab, namespace, "front"), "MetalLB gives an address")
    until(lambda: here(f"http://{address}/"), f"{address} answers")

    # the control plane's node must stay: without the API server no endpoint of the dead node would go
    lab.kubectl("label", "node", "k8s-cp1", "node.kubernetes.io/exclude-from-external-load-balancers=", "--overwrite")
    try:
        (node,) = until(
            lambda: (found := announcers(lab, namespace, "front")) in ({"k8s-w1"}, {"k8s-w2"}) and found,
            "one worker answers",
        )
        until(lambda: here(f"http://{address}/"), f"{address} answers from {node}")
        mac, container = hardware_of(address), container_of(node)
        assert mac, "this machine found the address by ARP"
        subprocess.run(["docker", "pause", container], check=True, capture_output=True)
        start = time.monotonic()
        try:
            times = watch(address, mac, start)
            (moved,) = until(lambda: announcers(lab, namespace, "front") - {node}, "another node answers", 90)
        finally:
            subprocess.run(["docker", "unpause", container], check=True, capture_output=True)
    finally:
        lab.kubectl("label", "node", "k8s-cp1", "node.kubernetes.io/exclude-from-external-load-balancers-")
    told = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in sorted(times.items(), key=lambda item: item[1]))
    print(f"\n{node} paused, {moved} answers: {told}")
    # ARP moves when the speakers miss the dead one; every request succeeds once its pods are no endpoints any more
    assert times.get("arp", SILENCE_S) < 20, times
    assert "steady" in times, f"no five answers in a row within {SILENCE_S} s: {times}"

    def is_back() -> bool:
        conditions = {c["type"]: c["status"] for c in lab.objects("node", node)["status"]["conditions"]}
        return conditions["Ready"] == "True"

    until(is_back, f"{node} is ready again", timeout_s=180)
    until(lambda: lab.salt(node, "test.ping", timeout_s=20, check=False).get(node), "its minion is back", 180)
    until(lambda: here(f"http://{address}/", 3), f"{address} answers, whichever node it is from")


def test_a_pool_serves_its_namespaces_and_only_by_name(lab, namespace):
    """auto_assign off: by name only; namespaces: no other namespace gets an address of it, by name or not."""
    pool = {"addresses": ["172.31.50.230-172.31.50.235"], "auto_assign": False, "namespaces": [namespace]}
    edit = {"k8s": {"services": {"metallb": {"pools": {"internal": pool}}}}}
    asking = {"metallb.io/address-pool": "internal"}
    front, unnamed, foreign = (service(name, kind="LoadBalancer") for name in ("front", "unnamed", "foreign"))
    for one in (front, foreign):
        one["metadata"]["annotations"] = asking
    try:
        answer = lab.salt(ADMIN, "state.apply", "k8s.metallb", f"pillar={json.dumps(edit)}")[ADMIN]
        assert not failed(answer)
        lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(web("front"), front, unnamed))
        lab.kubectl("-n", "default", "apply", "-f", "-", stdin=listing(foreign))
        mine = until(lambda: address_of(lab, namespace, "front"), "the one that asks has an address")
        assert mine in {f"172.31.50.{last}" for last in range(230, 236)}
        until(lambda: here(f"http://{mine}/"), f"{mine} answers")
        other = until(lambda: address_of(lab, namespace, "unnamed"), "the other one has an address")
        assert other in {f"172.31.50.{last}" for last in range(200, 221)}

        def refused() -> list[str]:
            events = lab.objects("-n", "default", "events", "--field-selector", "involvedObject.name=foreign")["items"]
            return [event["message"] for event in events if event["reason"] == "AllocationFailed"]

        assert "not compatible" in until(refused, "the stranger is told")[0]
        assert address_of(lab, "default", "foreign") is None
    finally:
        lab.kubectl("-n", "default", "delete", "service", "foreign", "--ignore-not-found")
        lab.kubectl("-n", namespace, "delete", "service", "front", "unnamed", "--ignore-not-found")
        assert not failed(lab.salt(ADMIN, "state.apply", "k8s.metallb")[ADMIN])
    assert "internal" not in lab.kubectl("-n", "metallb-system", "get", "ipaddresspools.metallb.io", "-o", "name")


def test_the_api_server_rejects_an_invalid_router(lab):
    peer = {
        "apiVersion": "metallb.io/v1beta2",
        "kind": "BGPPeer",
        "metadata": {"name": "bad", "namespace": "metallb-system"},
        "spec": {"myASN": 64512, "peerASN": "64513", "peerAddress": "10.0.0.1", "peerPort": 70000},
    }
    done = lab.run("kubectl", "apply", "--dry-run=server", "-f", "-", stdin=json.dumps(peer), check=False)
    assert done.returncode
    assert "spec.peerASN" in done.stderr and "spec.peerPort" in done.stderr
