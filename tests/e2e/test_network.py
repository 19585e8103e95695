"""Pods reach each other across nodes, by name, and only where a network policy allows it."""

from __future__ import annotations

import subprocess

import pytest
from conftest import until
from manifests import client, listing, only_from, service, web


def answers(lab, namespace, pod, url) -> str:
    """Body of an HTTP request from a pod, "" after a timeout of 3 s."""
    return lab.kubectl("-n", namespace, "exec", pod, "--", "curl", "-s", "-m", "3", url, check=False)


def here(url) -> str:
    """Body of an HTTP request from this machine, "" after a timeout of 2 s."""
    done = subprocess.run(["curl", "-s", "-m", "2", url], capture_output=True, text=True, check=False)
    return done.stdout


def docker(*args: str) -> str:
    """Run docker on this machine; return its output."""
    return subprocess.run(["docker", *args], capture_output=True, text=True, check=True).stdout.strip()


def ready(lab, namespace, *names):
    """Wait for deployments and pods of a test."""
    for name in names:
        if name.startswith("deployment/"):
            lab.kubectl("-n", namespace, "rollout", "status", name, "--timeout=120s")
        else:
            lab.kubectl("-n", namespace, "wait", "--for=condition=Ready", name, "--timeout=120s")


def test_http_crosses_nodes(lab, namespace):
    objects = [web("far", node="k8s-w1"), service("far"), client("near", "k8s-w2")]
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(*objects))
    ready(lab, namespace, "deployment/far", "pod/near")
    address = lab.objects("-n", namespace, "pods", "-l", "app=far")["items"][0]["status"]["podIP"]
    assert "k8s-w1" in answers(lab, namespace, "near", f"http://{address}:8080/")
    assert "k8s-w1" in until(lambda: answers(lab, namespace, "near", "http://far/"), "the service answers by name")


def test_dns_names_a_service(lab, namespace):
    objects = [web("redis", node="k8s-w2"), service("redis", 6379), client("near", "k8s-w1")]
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(*objects))
    ready(lab, namespace, "deployment/redis", "pod/near")
    cluster_ip = lab.objects("-n", namespace, "service", "redis")["spec"]["clusterIP"]
    name = f"redis.{namespace}.svc.cluster.local"
    found = lab.kubectl("-n", namespace, "exec", "near", "--", "dig", "+short", "+tries=3", name)
    assert found.split() == [cluster_ip]
    assert "k8s-w2" in until(lambda: answers(lab, namespace, "near", f"http://{name}:6379/"), "the name answers")


def test_network_policy_denies_then_allows(lab, namespace):
    objects = [web("db", node="k8s-w1"), service("db"), client("app", "k8s-w2")]
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(*objects))
    ready(lab, namespace, "deployment/db", "pod/app")
    assert "db-" in until(lambda: answers(lab, namespace, "app", "http://db/"), "reachable before there is a policy")
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(only_from("db", "admitted")))
    assert until(lambda: not answers(lab, namespace, "app", "http://db/"), "the policy blocks")
    lab.kubectl("-n", namespace, "label", "pod", "app", "admitted=yes")
    assert "db-" in until(lambda: answers(lab, namespace, "app", "http://db/"), "the policy admits the labelled pod")


def test_load_balancer_address_answers_from_outside(lab, namespace):
    objects = [web("front", replicas=2), service("front", kind="LoadBalancer")]
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(*objects))
    ready(lab, namespace, "deployment/front")

    def address():
        ingress = lab.objects("-n", namespace, "service", "front")["status"]["loadBalancer"].get("ingress")
        return ingress[0]["ip"] if ingress else None

    given = until(address, "MetalLB gives an address")
    assert given.startswith("172.31.50.2")

    # this machine is on the lab's network, and is none of the nodes: the address is found by ARP
    assert "front-" in until(lambda: here(f"http://{given}/"), f"{given} answers")
    neighbour = subprocess.run(["ip", "neigh", "show", given], capture_output=True, text=True, check=True).stdout
    assert "lladdr" in neighbour


@pytest.fixture
def outside(lab):
    """The URL of a web server on another network of this machine: it answers here, and must not answer the lab."""
    # the lab's Docker keeps its images under tags of its own; the registry's name of this one is the nodes' business
    images = docker("images", "--filter", "label=io.saltk8s.lab=web", "--format", "{{.Repository}}:{{.Tag}}").split()
    container = docker("run", "-d", "--rm", "-e", "NODE=outside", images[0])
    try:
        address = docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", container)
        url = f"http://{address}:8080/"
        until(lambda: "outside" in here(url), f"{url} answers this machine")
        yield url
    finally:
        docker("rm", "-f", container)


def test_nothing_leaves_the_lab(lab, namespace, outside):
    assert docker("network", "inspect", "-f", "{{.Internal}}", "saltk8s-lab") == "true"
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(client("near", "k8s-w1")))
    ready(lab, namespace, "pod/near")
    assert not answers(lab, namespace, "near", outside)
    assert not lab.ssh("k8s-w1", f"curl -s -m 3 {outside}", check=False)
    assert "outside" in here(outside), "it answered all the time"


def test_metrics_api_and_namespace_deletion(lab, namespace):
    service = lab.objects("apiservice", "v1beta1.metrics.k8s.io")
    assert {c["type"]: c["status"] for c in service["status"]["conditions"]}["Available"] == "True"
    top = until(lambda: lab.kubectl("top", "nodes", "--no-headers", check=False), "kubectl top answers")
    assert len(top.splitlines()) == 3
    lab.kubectl("create", "namespace", f"{namespace}-gone")
    lab.kubectl("delete", "namespace", f"{namespace}-gone", "--timeout=60s")
    assert not lab.kubectl("get", "namespace", f"{namespace}-gone", "--ignore-not-found")
