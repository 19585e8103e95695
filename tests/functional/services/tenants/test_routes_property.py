"""What the policies let a tenant make never answers for another's host: drawn objects, the real API server and Traefik.

The same objects are made first where no policy judges them: there they take other hosts, or nothing would be proven.
"""

from __future__ import annotations

import http.server
import json
import subprocess
import threading

import pytest
from hypothesis import Phase
from tests.support import draw_routes, services
from tests.support.property import drawing
from tests.support.traefik import MISSING, TRAEFIK, Backend, Replica, node_port, obj, route, until

pytestmark = pytest.mark.skipif(not TRAEFIK.exists(), reason=MISSING)

COUNT = 300
SEED = 20261129
PATHS = ("/", "/a", "/b/c")
BY_PORT = {"traefik.ingress.kubernetes.io/service.nodeportlb": "true"}


@pytest.fixture(scope="module")
def replica(cluster, make, tmp_path_factory):
    """Traefik beside the tenants' policies; a service in the tenant's namespace, and in one that no policy judges."""
    traefik = services.rendered(make({"services": {"traefik": {"namespaces": ["free"]}}}), "traefik")
    for space in ("traefik", "free"):
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "here"}})
    cluster.set_status("node", "here", {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]})
    cluster.apply(*(one for one in traefik.values() if one["kind"] != "Secret"))
    cluster.apply(traefik["RoleBinding free/traefik"] | {"metadata": {"name": "traefik", "namespace": "resif"}})
    servers = []
    for space in ("resif", "free"):
        spec = {"type": "NodePort", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]}
        cluster.kubectl("delete", "-n", space, "resourcequota", "--all")
        cluster.apply(obj("Service", "site", space, spec, "v1", annotations=BY_PORT))
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", node_port(cluster, space)), Backend))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
    token = cluster.kubectl("create", "token", "traefik", "-n", "traefik").strip()
    (box,) = services.pod_of(traefik["Deployment traefik/traefik"])["containers"]
    args = [arg for arg in box["args"] if ".namespaces=" not in arg or arg.endswith(("=traefik", "=resif", "=free"))]
    kubeconfig = cluster.kubeconfig_with("traefik", token=token)
    running = Replica(args, kubeconfig, tmp_path_factory.mktemp("traefik"))
    try:
        until(lambda: running.status("probes", "/ready") == 200, "Traefik is ready")
        yield running
    finally:
        running.stop()
        for server in servers:
            server.shutdown()
            server.server_close()


def drawn(space: str) -> list[dict]:
    """The objects, the same ones for every namespace."""
    found: list[dict] = []

    @drawing(SEED, COUNT, Phase.generate)
    def draw(data):
        found.append(draw_routes.one(data.draw, f"drawn-{len(found)}", space))

    draw()
    return found


def made(cluster, space: str) -> list[str]:
    """Make what is admitted of the drawn objects; return its titles."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": drawn(space)})
    argv = [cluster.kubectl_path, "--kubeconfig", str(cluster.kubeconfig), "create", "-f", "-", "-o", "name"]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=300, check=False)
    return done.stdout.split()


def taken(replica, hosts: list[str]) -> set[tuple[str, str]]:
    """The hosts and paths that a backend answers for."""
    asked = [(host, path) for host in hosts for path in PATHS]
    answers = {one: replica.ask("websecure", one[1], one[0], verify=False) for one in asked}
    assert None not in answers.values(), "Traefik answers all requests"
    return {one for one, answer in answers.items() if answer[0] == 200}


def seen(cluster, replica, space: str) -> None:
    """Wait until Traefik has read what was made before: a route that is made last."""
    host = f"last.{space}.osug.example"
    cluster.apply(route("last", space, host))
    until(
        lambda: (replica.ask("websecure", "/", host, verify=False) or [0])[0] == 200, f"the routes of {space} are read"
    )


def test_nothing_that_is_admitted_answers_for_anothers_host(cluster, replica):
    hosts = draw_routes.hosts(drawn("resif"))
    everything = made(cluster, "free")
    seen(cluster, replica, "free")
    assert len(taken(replica, hosts)) > len(hosts) // 2, "without policies, other hosts are taken"
    for kind in ("networking.k8s.io/v1/namespaces/free/ingresses", "traefik.io/v1alpha1/namespaces/free/ingressroutes"):
        cluster.kubectl("delete", "--raw", f"/apis/{kind}")
    until(lambda: not taken(replica, hosts), "nobody answers any more")
    admitted = made(cluster, "resif")
    assert COUNT // 10 < len(admitted) < len(everything), f"{len(admitted)} of {len(everything)} are admitted"
    seen(cluster, replica, "resif")
    assert replica.ask("websecure", "/", "a.resif.osug.example", verify=False)[0] == 200, "what is admitted is served"
    assert not taken(replica, hosts)
