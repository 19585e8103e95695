"""HTTP and HTTPS from outside, at Traefik's address, asked for from this machine, which is none of the nodes."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import threading
import time
from typing import NamedTuple

import pytest
from conftest import until
from manifests import client, listing, service, web

SERVICE = "traefik"
ADDRESS = "172.31.50.200"
CA = "/usr/local/share/ca-certificates/saltk8s-lab.crt"  # on the admin
SPACES = ("e2e-traefik", "e2e-traefik-b")  # of the lab's k8s:services:traefik:namespaces
WORKERS = 4
REQUESTS = 600


class Answer(NamedTuple):
    """Of one request; status 0: no answer, ``body`` has the error."""

    status: int
    headers: dict[str, str]
    body: str


class Front:
    """Traefik as a browser sees it: by name, with the lab's authority trusted and no other."""

    def __init__(self, authority: str):
        self.context = ssl.create_default_context(cadata=authority)

    def connection(self, host: str, tls: bool = True) -> http.client.HTTPConnection:
        """A new connection, with the host's name in the TLS handshake."""
        made = http.client.HTTPConnection(ADDRESS, 443 if tls else 80, timeout=15)
        made.connect()
        if tls:
            made.sock = self.context.wrap_socket(made.sock, server_hostname=host)
        return made

    def get(self, host: str, path: str = "/", tls: bool = True) -> Answer:
        """One request on a connection of its own."""
        try:
            connection = self.connection(host, tls)
        except OSError as err:
            return Answer(0, {}, repr(err))
        try:
            connection.request("GET", path, headers={"Host": host, "Connection": "close"})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())
        except (OSError, http.client.HTTPException) as err:
            return Answer(0, {}, repr(err))
        finally:
            connection.close()


@pytest.fixture(scope="module")
def front(lab) -> Front:
    """Traefik, which is healthy."""
    lab.kubectl("-n", "traefik", "rollout", "status", "deployment/traefik", "--timeout=180s")
    argv = ["docker", "exec", "saltk8s-lab-admin", "cat", CA]
    return Front(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def emptied(lab, name: str):
    """A namespace whose objects are deleted after the test."""
    yield name
    kinds = "deployments,pods,services,ingresses,ingressroutes.traefik.io,middlewares.traefik.io"
    lab.kubectl("-n", name, "delete", kinds, "--all", "--wait=true", "--timeout=120s")


@pytest.fixture
def namespace(lab):
    """A namespace whose routes are served; conftest's own is not one."""
    yield from emptied(lab, SPACES[0])


def host_of(namespace: str) -> str:
    """A host name for the namespace, covered by the platform's certificate."""
    return f"{namespace}.lab.example"


def ingress(host: str) -> dict:
    """An Ingress that names no class: the default one takes it."""
    backend = {"service": {"name": "site", "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    meta = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "site"}}
    return meta | {"spec": {"rules": [rule]}}


def route(host: str, name: str = "site", **target) -> dict:
    """An IngressRoute to the service ``site``."""
    rule = {"match": f"Host(`{host}`)", "services": [{"name": "site", "port": 80} | target]}
    meta = {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": name}}
    return meta | {"spec": {"routes": [rule]}}


def site(lab, namespace: str, *more: dict) -> None:
    """Two web servers, their service, and what leads to it."""
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(web("site", 2), service("site"), *more))
    lab.kubectl("-n", namespace, "rollout", "status", "deployment/site", "--timeout=120s")


def served(front: Front, host: str) -> Answer:
    """The first good answer for a host."""
    return until(lambda: (found := front.get(host)).status == 200 and found, f"https://{host}/ answers")


def logs(lab) -> list[str]:
    """The log lines of all replicas."""
    return lab.kubectl("-n", "traefik", "logs", "-l", "app=traefik", "--tail=-1", "--max-log-requests=10").splitlines()


def replicas(lab) -> list[dict]:
    """The pods of Traefik that are not terminating."""
    pods = lab.objects("-n", "traefik", "pods", "-l", "app=traefik")["items"]
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def test_it_has_the_address_of_the_pillar(lab, front):
    given = lab.objects("-n", "traefik", "service", "traefik")["status"]["loadBalancer"]["ingress"]
    assert [one["ip"] for one in given] == [ADDRESS]
    assert len(replicas(lab)) == 2
    budget = lab.objects("-n", "traefik", "poddisruptionbudget", "traefik")["status"]
    assert (budget["disruptionsAllowed"], budget["currentHealthy"]) == (1, 2)


def test_an_ingress_without_class(lab, front, namespace):
    host = host_of(namespace)
    site(lab, namespace, ingress(host))
    assert lab.objects("-n", namespace, "ingress", "site")["spec"]["ingressClassName"] == "traefik"
    answer = served(front, host)
    assert answer.body.startswith("site-")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    redirect = front.get(host, "/a?b=c", tls=False)
    assert (redirect.status, redirect.headers["Location"]) == (301, f"https://{host}/a?b=c")

    def address():
        return lab.objects("-n", namespace, "ingress", "site")["status"]["loadBalancer"].get("ingress")

    assert until(address, "the Ingress says its address") == [{"ip": ADDRESS}]


def test_an_ingress_route(lab, front, namespace):
    host = host_of(namespace)
    site(lab, namespace, route(host))
    answer = served(front, host)
    assert answer.body.startswith("site-") and "Strict-Transport-Security" in answer.headers
    assert front.get(host, tls=False).headers["Location"] == f"https://{host}/"

    def both() -> bool:
        return len({front.get(host).body.split()[0] for _ in range(4)}) == 2

    until(both, "both pods are asked")  # Traefik learns of them one after the other, and takes two seconds between


def test_the_default_certificate_and_old_tls(front):
    """Shown for every name; it is verified against the lab's authority, for the platform's names."""
    connection = front.connection("anything.lab.example")
    names = [value for _, value in connection.sock.getpeercert()["subjectAltName"]]
    connection.close()
    assert names == ["lab.example", "*.lab.example"]
    with pytest.raises(ssl.SSLCertVerificationError):
        front.connection("www.elsewhere.example")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection((ADDRESS, 443), timeout=10) as plain, pytest.raises((ssl.SSLError, OSError)):
        old.wrap_socket(plain, server_hostname="anything.lab.example")


def test_an_unknown_host_is_not_found(front):
    assert front.get("nobody.lab.example").status == 404
    assert front.get("nobody.lab.example", "/ping").status == 404, "probes are not for outside"
    assert front.get("nobody.lab.example", "/metrics").status == 404


@pytest.fixture
def neighbour(lab):
    """The second one."""
    yield from emptied(lab, SPACES[1])


def test_nothing_reaches_into_another_namespace(lab, front, namespace, neighbour):
    """Neither a service nor a middleware of the neighbour's, nor a TLSStore, which would be everybody's."""
    site(lab, namespace)
    fine = f"fine-{host_of(namespace)}"
    lab.kubectl("-n", neighbour, "apply", "-f", "-", stdin=listing(service("site"), web("site"), route(fine, "fine")))
    served(front, fine)
    foreign = route(fine, "foreign")
    foreign["spec"]["routes"][0]["middlewares"] = [{"name": "any", "namespace": namespace}]
    for one in (route(fine, "stolen", namespace=namespace), foreign):
        done = lab.run("kubectl", "-n", neighbour, "apply", "-f", "-", stdin=listing(one), check=False)
        assert done.returncode and f"of the namespace {namespace} is not of the namespace {neighbour}" in done.stderr
    default = {"apiVersion": "traefik.io/v1alpha1", "kind": "TLSStore", "metadata": {"name": "default"}, "spec": {}}
    done = lab.run("kubectl", "-n", neighbour, "apply", "-f", "-", stdin=listing(default), check=False)
    assert done.returncode and "the name default is the platform's" in done.stderr


class Load:
    """A bounded load: each request with a connection of its own, or on connections that are kept."""

    def __init__(self, front: Front, host: str, keep: bool, requests: int = REQUESTS):
        self.front, self.host, self.keep = front, host, keep
        self.answers: list[tuple[float, int, str]] = []  # when it began, status, body or reason
        self._lock, self._left = threading.Lock(), requests
        self._threads = [threading.Thread(target=self._work) for _ in range(WORKERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for thread in self._threads:
            thread.join()

    def done(self) -> int:
        return len(self.answers)

    def failures(self) -> list[tuple[float, int, str]]:
        return [one for one in self.answers if one[1] != 200]

    def _work(self) -> None:
        connection = None
        while True:
            with self._lock:
                if not self._left:
                    break
                self._left -= 1
            began = time.monotonic()
            try:
                connection = connection or self.front.connection(self.host)
                kind = "keep-alive" if self.keep else "close"
                connection.request("GET", "/", headers={"Host": self.host, "Connection": kind})
                answer = connection.getresponse()
                self.answers.append((began, answer.status, answer.read().decode()))
                if not self.keep or answer.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as err:
                self.answers.append((began, 0, repr(err)))
                connection = None
            time.sleep(0.1)  # 600 requests last some 20 s: longer than a replica takes to go
        if connection:
            connection.close()


@pytest.mark.parametrize("keep", [False, True], ids=["new connections", "kept connections"])
def test_a_deleted_replica_loses_no_request(lab, front, namespace, keep):
    """Deleted under load, as a drain or a rollout does: it finishes its requests, and the other takes new ones."""
    host = host_of(namespace)
    site(lab, namespace, route(host))
    served(front, host)
    pods = [pod["metadata"]["name"] for pod in replicas(lab)]
    assert len(pods) == 2
    with Load(front, host, keep) as load:
        until(lambda: load.done() > 50, "the load runs", every_s=0.1)
        killed = time.monotonic()
        lab.kubectl("-n", "traefik", "delete", "pod", pods[0], "--wait=false")
    assert load.done() == REQUESTS
    assert sum(began > killed for began, _, _ in load.answers) > REQUESTS / 2, "most requests came after"
    failures = load.failures()
    # on a kept connection one request a worker may meet the closing of it: that one was in flight
    assert len(failures) <= (WORKERS if keep else 0), failures
    lab.kubectl("-n", "traefik", "rollout", "status", "deployment/traefik", "--timeout=180s")
    now = {pod["metadata"]["name"] for pod in replicas(lab)}
    assert len(now) == 2 and pods[0] not in now, "it was replaced"


def test_a_rollout_loses_nothing(lab, front, namespace):
    """A new replica is asked when it knows the routes, an old one goes when it is no longer asked."""
    host = host_of(namespace)
    site(lab, namespace, ingress(host))
    served(front, host)
    with Load(front, host, keep=False, requests=2 * REQUESTS) as load:
        lab.kubectl("-n", "traefik", "rollout", "restart", "deployment/traefik")
    assert load.done() == 2 * REQUESTS and load.failures() == []
    lab.kubectl("-n", "traefik", "rollout", "status", "deployment/traefik", "--timeout=300s")


def test_metrics_for_monitoring_alone(lab, front, namespace):
    host = host_of(namespace)
    site(lab, namespace, route(host), client("near", "k8s-w1"))
    lab.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/near", "--timeout=120s")
    served(front, host)
    pod = replicas(lab)[0]
    # policies never block a pod's own node: the kubelet's probes come from there
    raw = lab.ssh(pod["spec"]["nodeName"], f"curl -s -m 5 http://{pod['status']['podIP']}:9100/metrics")
    assert "traefik_entrypoint_requests_total" in raw and "traefik_tls_certs_not_after" in raw
    url = "http://traefik-metrics.traefik:9100/metrics"
    asked = ("-n", namespace, "exec", "near", "--", "curl", "-s", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}")
    assert lab.kubectl(*asked, url, check=False).strip() == "000", "a tenant's pod does not reach them"
    assert lab.kubectl(*asked, "http://traefik.traefik/", check=False).strip() == "301", "it does reach the entry point"


def test_every_request_is_logged_without_its_headers(lab, front, namespace):
    host = host_of(namespace)
    site(lab, namespace, route(host))
    served(front, host)
    assert front.get(host, "/logged").status == 200
    token = "canary-header-7Rj"
    connection = front.connection(host)
    connection.request("GET", "/token", headers={"Host": host, "Authorization": f"Bearer {token}"})
    assert connection.getresponse().status == 200
    connection.close()

    def line(path):
        found = [json.loads(text) for text in logs(lab) if path in text and text.startswith("{")]
        return [one for one in found if one.get("RequestHost") == host and one.get("RequestPath") == path]

    (one,) = until(lambda: line("/logged"), "the request is in a log")
    assert (one["DownstreamStatus"], one["RequestMethod"], one["RouterName"].split("-site")[0]) == (
        200,
        "GET",
        f"websecure-{namespace}",
    )
    assert until(lambda: line("/token"), "the other, too")
    assert not any(token in text for text in logs(lab))
