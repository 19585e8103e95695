"""The real Traefik with the arguments, objects and rights that the service gives it, on loopback.

Only where the program was built already (`make lab`): `make test` alone does not compile it, and says so.
"""

from __future__ import annotations

import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from tests.support import pillars, services
from tests.support.salt import Minion
from tests.support.traefik import DRAIN_S, MISSING, TRAEFIK, Backend, Replica, node_port, obj, route, until

ACCOUNT = "system:serviceaccount:traefik:traefik"
SPACES = ("lab-a", "lab-b")
EXAMPLE = pillars.merge(
    services.case_file("traefik")["cases"]["example"],
    {"patch": {"services": {"traefik": {"namespaces": list(SPACES)}}}},
)

pytestmark = pytest.mark.skipif(not TRAEFIK.exists(), reason=MISSING)


@pytest.fixture(scope="module")
def deployed(own_apiserver, tmp_path_factory):
    """The service's objects applied; two namespaces with a service each. Gives the objects."""
    api, root = own_apiserver, tmp_path_factory.mktemp("traefik")
    state_dir = root / "state"
    state_dir.mkdir()
    shutil.copy(api.kubeconfig, state_dir / "kube_config_cluster.yml")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{Path(api.kubectl_path).parent}{os.pathsep}{before}"
    try:
        tree = services.tree("traefik", EXAMPLE, state_dir)
        minion = Minion(root / "minion", tree["cluster"]["admin"], pillar={"k8s": tree})
        given = services.declared(minion, "traefik") | {"wait": False}
        done = minion.state("kubectl.applied", "traefik", **given)
        assert done["result"] is True, done["comment"]
        objects = services.rendered(minion, "traefik")
    finally:
        os.environ["PATH"] = before
    api.set_status("service", "traefik", {"loadBalancer": {"ingress": [{"ip": "10.20.0.200"}]}}, "traefik")
    # an EndpointSlice may not name a loopback address, a node may: requests go by its port
    api.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "here"}})
    api.set_status("node", "here", {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]})
    by_port = {"traefik.ingress.kubernetes.io/service.nodeportlb": "true"}
    for space in SPACES:
        site = {"type": "NodePort", "ports": [{"port": 80}]}
        api.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}},
            obj("Service", "site", space, site, "v1", annotations=by_port),
        )
    rule = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "site", "port": {"number": 80}}}}
    ingress = {"rules": [{"host": "b.osug.example", "http": {"paths": [rule]}}]}
    guard = obj("Middleware", "prefix", "lab-a", {"addPrefix": {"prefix": "/guarded"}})
    api.apply(
        obj("Ingress", "site", "lab-b", ingress, "networking.k8s.io/v1"),
        route("site", "lab-a", "a.osug.example"),
        guard,
        route("guarded", "lab-a", "g.osug.example", middlewares=[{"name": "prefix"}]),
    )
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", node_port(api, space)), Backend) for space in SPACES]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield objects
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def replica(deployed, own_apiserver, tmp_path):
    """A replica that says it is ready, with the service account's own rights."""
    (box,) = services.pod_of(deployed["Deployment traefik/traefik"])["containers"]
    token = own_apiserver.kubectl("create", "token", "traefik", "-n", "traefik").strip()
    running = Replica(box["args"], own_apiserver.kubeconfig_with("traefik", token=token), tmp_path)
    try:
        path = box["readinessProbe"]["httpGet"]["path"]
        until(lambda: running.status("probes", path) == 200, f"ready:\n{running.log.read_text()[-2000:]}")
        yield running
    finally:
        running.stop()


def test_routes_certificate_redirect_hsts_log_and_metrics(replica, own_apiserver):
    # the moment it is ready: not a request is lost on a replica that knows no route yet
    for host in ("a.osug.example", "b.osug.example"):
        status, headers, body = replica.ask("websecure", f"/x?{host}", host)
        assert (status, body) == (200, f"backend /x?{host}")
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert replica.ask("websecure", "/x", "g.osug.example")[2] == "backend /guarded/x"
    assert replica.status("websecure", "/", "nobody.osug.example") == 404
    status, headers, _ = replica.ask("web", "/y?z=1")
    assert (status, headers["Location"]) == (301, "https://a.osug.example/y?z=1")
    assert replica.status("probes", "/ping") == 200
    assert replica.status("web", "/ready", "nobody.osug.example") == 301, "probes are not for outside"
    assert replica.status("websecure", "/ping", "nobody.osug.example") == 404
    told = replica.ask("metrics", "/metrics")[2]
    assert "traefik_router_requests_total" in told and "traefik_tls_certs_not_after" in told
    lines = [json.loads(line) for line in replica.log.read_text().splitlines() if line.startswith("{")]
    logged = [line for line in lines if line.get("RequestPath") == "/x?a.osug.example"]
    assert [(line["DownstreamStatus"], line["RequestHost"]) for line in logged] == [(200, "a.osug.example")]
    # Ingresses may be read a moment before the kinds of traefik.io; by the time it is ready, both are
    early = 'middleware "traefik-hsts@kubernetescrd" does not exist'
    assert {line.get("error") for line in lines if line.get("level") in ("error", "fatal")} <= {early}
    assert "forbidden" not in replica.log.read_text(), "a right is missing"
    get = lambda: own_apiserver.get("ingress", "site", "-n", "lab-b")["status"]["loadBalancer"].get("ingress")  # noqa: E731
    assert until(get, "the Ingress has the address") == [{"ip": "10.20.0.200"}]


def test_what_belongs_to_another_namespace_is_not_reached(replica, own_apiserver):
    """allowCrossNamespace is off: the route is not made, even in the one namespace where the API server accepts it."""
    foreign = route("stolen", "traefik", "stolen.osug.example")
    foreign["spec"]["routes"][0]["services"][0]["namespace"] = "lab-a"
    own_apiserver.apply(foreign, route("fine", "lab-b", "fine.osug.example"))
    until(lambda: replica.status("websecure", "/", "fine.osug.example") == 200, "the route beside it is served")
    assert replica.status("websecure", "/", "stolen.osug.example") == 404
    lines = [json.loads(line) for line in replica.log.read_text().splitlines() if '"level":"error"' in line]
    assert ("stolen", "traefik") in {(line.get("ingress"), line.get("namespace")) for line in lines}, lines


def test_a_route_without_a_ready_pod_answers_503_and_leaves_its_path_to_no_other(replica, own_apiserver):
    rule = {"match": "Host(`a.osug.example`) && PathPrefix(`/asleep`)", "services": [{"name": "asleep", "port": 80}]}
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "asleep", "port": {"number": 80}}}}
    ingress = {"rules": [{"host": "asleep.osug.example", "http": {"paths": [path]}}]}
    own_apiserver.apply(
        obj("Service", "asleep", "lab-a", {"ports": [{"port": 80}], "selector": {"app": "asleep"}}, "v1"),
        obj("IngressRoute", "asleep", "lab-a", {"routes": [rule]}),
        obj("Ingress", "asleep", "lab-a", ingress, "networking.k8s.io/v1"),
    )
    for asked in (("/asleep/x", "a.osug.example"), ("/", "asleep.osug.example")):
        until(lambda to=asked: replica.status("websecure", *to) == 503, f"{asked} answers 503", 20)
        assert replica.ask("websecure", *asked)[2].strip() == "no available server"
    assert replica.status("websecure", "/", "a.osug.example") == 200


def test_it_reads_no_secret_and_serves_no_route_but_of_its_namespaces(replica, own_apiserver):
    """The Secret with the key of the cluster's CA is in kube-system, where older versions of rke have a ConfigMap."""
    api = own_apiserver
    for space in (*SPACES, "traefik", "kube-system", "default"):
        for kind in ("secrets", "configmaps"):
            for verb in ("get", "list", "watch"):
                may = api.kubectl("auth", "can-i", verb, kind, "-n", space, "--as", ACCOUNT, check=False).strip()
                assert may == ("yes" if verb != "get" and space in (*SPACES, "traefik") else "no"), (verb, kind, space)
    backend = obj("Service", "site", "default", {"ports": [{"port": 80}]}, "v1")
    api.apply(backend, route("elsewhere", "default", "elsewhere.osug.example"))
    api.apply(route("near", "lab-b", "near.osug.example"))
    until(lambda: replica.status("websecure", "/", "near.osug.example") == 200, "the route beside it is served")
    assert replica.status("websecure", "/", "elsewhere.osug.example") == 404


def test_a_namespace_that_appears_later_is_waited_for(deployed, own_apiserver, tmp_path):
    """A replica is not ready before it may read all its namespaces, so that an old one stays; then it is by itself."""
    (box,) = services.pod_of(deployed["Deployment traefik/traefik"])["containers"]
    token = own_apiserver.kubectl("create", "token", "traefik", "-n", "traefik").strip()
    more = [one.replace("=traefik", "=lab-later") for one in box["args"] if one.endswith(".namespaces=traefik")]
    args = [*box["args"], *more]
    running = Replica(args, own_apiserver.kubeconfig_with("traefik", token=token), tmp_path)
    try:
        until(lambda: running.status("probes", "/ping") == 200, "it runs")
        time.sleep(3)
        assert running.status("probes", "/ready") != 200
        binding = deployed["RoleBinding lab-a/traefik"]
        meta = {"name": "traefik", "namespace": "lab-later"}
        own_apiserver.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab-later"}}, binding | {"metadata": meta}
        )
        until(lambda: running.status("probes", "/ready") == 200, "it is ready", 90)
    finally:
        running.stop()


def test_a_replica_that_stops_loses_nothing(replica):
    """It is not ready at once, takes requests for a while, ends those in flight, and only then is gone."""
    answers: list[int] = []
    stop = threading.Event()

    def load():
        while not stop.is_set():
            answers.append(replica.status("websecure", "/"))

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    replica.process.send_signal(signal.SIGTERM)
    told = time.monotonic()
    # a probe that arrives as the port closes gets no answer at all: the kubelet waits for one second, too
    until(lambda: replica.status("probes", "/ready", timeout_s=1) != 200, "it is not ready any more", 3)
    time.sleep(max(0, 3 - (time.monotonic() - told)))
    stop.set()  # by now every node has heard that it goes
    for thread in threads:
        thread.join()
    assert len(answers) > 20 and set(answers) == {200}
    slow: list[int] = []
    last = threading.Thread(target=lambda: slow.append(replica.status("websecure", "/slow")))
    time.sleep(max(0, DRAIN_S - 2 - (time.monotonic() - told)))
    last.start()  # in flight when it closes its ports
    last.join()
    assert slow == [200]
    assert replica.process.wait(timeout=20) == 0


INTERNAL = {"kind": "TraefikService", "name": "prometheus@internal"}
BY_ANNOTATION = "traefik.ingress.kubernetes.io/router.middlewares"
ANY = {"rules": [{"host": "x"}]}
REFUSED = {
    "a default TLSOption": obj("TLSOption", "default", "lab-a", {"minVersion": "VersionTLS10"}),
    "a default TLSStore": obj("TLSStore", "default", "lab-a", {"defaultCertificate": {"secretName": "mine"}}),
    "another's TLSOption": obj(
        "IngressRoute",
        "x",
        "lab-a",
        {"routes": [{"match": "Host(`x`)"}], "tls": {"options": {"name": "o", "namespace": "lab-b"}}},
    ),
    "another's TLSOption by its full name": obj(
        "IngressRoute",
        "x",
        "lab-a",
        {"routes": [{"match": "Host(`x`)"}], "tls": {"options": {"name": "lab-b-o@kubernetescrd"}}},
    ),
    "another's middleware": route("x", "lab-a", "x", middlewares=[{"name": "prefix", "namespace": "lab-b"}]),
    "another's middleware, TCP": obj(
        "IngressRouteTCP",
        "x",
        "lab-a",
        {"routes": [{"match": "HostSNI(`x`)", "middlewares": [{"name": "lab-b-m@kubernetescrd"}]}]},
    ),
    "another's middleware in a chain": obj(
        "Middleware", "x", "lab-a", {"chain": {"middlewares": [{"name": "prefix", "namespace": "lab-b"}]}}
    ),
    "Traefik's metrics": obj(
        "IngressRoute", "x", "lab-a", {"routes": [{"match": "Host(`x`)", "services": [INTERNAL]}]}
    ),
    "Traefik's metrics behind an error": obj(
        "Middleware", "x", "lab-a", {"errors": {"status": ["500"], "query": "/", "service": INTERNAL}}
    ),
    "Traefik's metrics by weight": obj("TraefikService", "x", "lab-a", {"weighted": {"services": [INTERNAL]}}),
    "Traefik's metrics mirrored": obj(
        "TraefikService", "x", "lab-a", {"mirroring": {"name": "site", "mirrors": [INTERNAL]}}
    ),
    "another's middleware by annotation": obj(
        "Ingress",
        "x",
        "lab-a",
        ANY,
        "networking.k8s.io/v1",
        annotations={BY_ANNOTATION: "lab-a-prefix@kubernetescrd, lab-b-m@kubernetescrd"},
    ),
    "another's transport by annotation": obj(
        "Service",
        "x",
        "lab-a",
        {"ports": [{"port": 80}]},
        "v1",
        annotations={"traefik.ingress.kubernetes.io/service.serverstransport": "lab-b-t@kubernetescrd"},
    ),
}
ACCEPTED = {
    "its own TLSOption": obj(
        "IngressRoute",
        "ok",
        "lab-a",
        {"routes": [{"match": "Host(`x`)"}], "tls": {"options": {"name": "o", "namespace": "lab-a"}}},
    ),
    "a chain of its own": obj("Middleware", "ok", "lab-a", {"chain": {"middlewares": [{"name": "prefix"}]}}),
    "its own error page": obj(
        "Middleware",
        "errors",
        "lab-a",
        {"errors": {"status": ["500"], "query": "/", "service": {"name": "site", "port": 80}}},
    ),
    "weights": obj(
        "TraefikService", "ok", "lab-a", {"weighted": {"services": [{"name": "site", "port": 80, "weight": 1}]}}
    ),
    "its own middleware by annotation": obj(
        "Ingress", "ok", "lab-a", ANY, "networking.k8s.io/v1", annotations={BY_ANNOTATION: "lab-a-prefix@kubernetescrd"}
    ),
}


def tried(api, given: dict) -> str:
    """What the API server says to an object that is not kept."""
    text = json.dumps(given)
    argv = [api.kubectl_path, "--kubeconfig", str(api.kubeconfig), "create", "--dry-run=server", "-f", "-"]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False)
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize("what", REFUSED)
def test_the_fence_refuses(deployed, own_apiserver, what):
    said = until(lambda: tried(own_apiserver, REFUSED[what]), f"{what} is refused", 20)
    assert "ValidatingAdmissionPolicy 'traefik-" in said, said


@pytest.mark.parametrize("what", ACCEPTED)
def test_the_fence_lets_through(deployed, own_apiserver, what):
    assert tried(own_apiserver, ACCEPTED[what]) == ""


WRONG = {
    "spec.routes": obj("IngressRoute", "x", "lab-a", {}),
    "spec.routes[0].match": obj("IngressRoute", "x", "lab-a", {"routes": [{"services": []}]}),
    'unknown field "spec.routes[0].midlewares"': obj(
        "IngressRoute", "x", "lab-a", {"routes": [{"match": "Host(`x`)", "midlewares": []}]}
    ),
    'unknown field "spec.header"': obj("Middleware", "x", "lab-a", {"header": {}}),
    "must have at most 1": obj("Middleware", "x", "lab-a", {"retry": {"attempts": 2}, "addPrefix": {"prefix": "/x"}}),
    # one such object, and Traefik would read none of its kind any more
    "spec.buffering.memRequestBodyBytes": obj("Middleware", "x", "lab-a", {"buffering": {"memRequestBodyBytes": "1"}}),
    "less than or equal to 2147483647": obj("Middleware", "x", "lab-a", {"rateLimit": {"period": 5000000000}}),
    "should have at least 1 properties": obj("ServersTransport", "x", "lab-a", {"rootCAs": [{}]}),
    "spec.minVersion": obj("TLSOption", "x", "lab-a", {"minVersion": "TLS12"}),
}


@pytest.mark.parametrize("expected", WRONG)
def test_a_wrong_object_is_refused_by_its_definition(deployed, own_apiserver, expected):
    assert expected in tried(own_apiserver, WRONG[expected])
