"""What a tenant's pod can make Prometheus store, and what its proxy lets it read: the real programs, on loopback.

Only where they were built already (`make lab`), as for Traefik.
"""

from __future__ import annotations

import http.client
import http.server
import json
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from saltk8s.services.prometheus import prometheus_yml
from tests.support import alerts, pillars, programs, services
from tests.support.salt import Minion

PROMETHEUS, PROXY = programs.cached("prometheus"), programs.cached("prom-label-proxy")
pytestmark = pytest.mark.skipif(
    not (PROMETHEUS.exists() and PROXY.exists()), reason="prometheus is not in the cache: make lab builds it"
)

JOBS = ("pods", "node-exporter")
MINE, OTHER = "resif", "ohmcv"
PAGES = {
    "/metrics": """\
saltk8s_highstate_timestamp_seconds{minion="k8s-w2"} 9e12
node:cpu_busy:ratio{node="k8s-w1"} 1
ALERTS{alertname="APIServerDown",alertstate="firing"} 1
up 7
app_requests_total{namespace="kube-system",pod="etcd",job="apiserver",instance="x"} 7
app_old 1 1000000
""",
    "/secret": 'secret_total{pod="x"} 4711\n',
    "/long": 'long{label="%s"} 1\n' % ("x" * 2000),
    "/names": '{"kube.like"} 1\n',
    "/large": "# " + 12_000_000 * "x" + "\n",
}
# name of a pod -> namespace and what its annotations say
PODS: dict[str, tuple[str, dict[str, str]]] = {
    "app": (MINE, {}),
    "redirects": (MINE, {"path": "/redirect"}),
    "long": (MINE, {"path": "/long"}),
    "names": (MINE, {"path": "/names"}),
    "large": (MINE, {"path": "/large"}),
    "query": (MINE, {"path": "/probe?target=/secret"}),
    "portless": (MINE, {"port": ""}),
    "hostile-port": (MINE, {"port": "80@10.0.0.1:80"}),
    "platforms": ("monitoring", {}),
    "secret-pod": (OTHER, {"path": "/secret"}),
}


class Pages(http.server.BaseHTTPRequestHandler):
    """The pages of all pods; /redirect leads to another's."""

    def do_GET(self) -> None:  # noqa: N802 (the library's name)
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/secret")
            self.end_headers()
            return
        body = PAGES.get(self.path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def ask(port: int, path: str, method: str = "GET", **given: Any) -> tuple[int, str]:
    """Status and body of an answer; redirects are not followed. given: `params`, `body`: lists of pairs."""
    url = path + ("?" + urllib.parse.urlencode(given["params"]) if given.get("params") else "")
    body = urllib.parse.urlencode(given["body"]) if given.get("body") else None
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, url, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def until(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"not within a minute: {what}")


def health(port: int) -> dict[str, str]:
    """Whether the last scrape of each pod was good."""
    (_, body) = ask(port, "/api/v1/targets")
    targets = json.loads(body)["data"]["activeTargets"]
    return {one["labels"].get("pod", "of a node"): one["health"] for one in targets}


def configuration(page_port: int) -> dict[str, Any]:
    """The service's own jobs for pods and for nodes; a list with the cluster's labels is their discovery."""
    jobs = yaml.safe_load((alerts.RULES.parent / "scrape.yaml").read_text(encoding="utf-8"))
    whole = prometheus_yml.configuration(pillars.model(), jobs)
    job, of_nodes = (next(one for one in whole["scrape_configs"] if one["job_name"] == name) for name in JOBS)
    del job["kubernetes_sd_configs"], of_nodes["kubernetes_sd_configs"]
    node = {"__meta_kubernetes_pod_container_port_name": "metrics", "__meta_kubernetes_pod_node_name": "k8s-w1"}
    of_nodes["static_configs"] = [{"targets": [f"127.0.0.1:{page_port}"], "labels": node}]
    job["static_configs"] = []
    for name, (space, given) in PODS.items():
        meta = {"namespace": space, "pod_name": name, "pod_ip": "127.0.0.1", "pod_phase": "Running"}
        noted = {"scrape": "true", "port": str(page_port)} | given
        meta |= {f"pod_annotation_prometheus_io_{key}": value for key, value in noted.items()}
        labels = {f"__meta_kubernetes_{key}": value for key, value in meta.items()}
        job["static_configs"].append({"targets": ["127.0.0.1:1"], "labels": labels})
    return {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job, of_nodes]}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """The port of a Prometheus that has scraped all pods."""
    folder = tmp_path_factory.mktemp("prometheus")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = folder / "prometheus.yml"
    path.write_text(prometheus_yml.text(configuration(server.server_address[1])))
    (port,) = programs.free_ports(1)
    argv = [PROMETHEUS, f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("w") as log:
        running = subprocess.Popen([*argv, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        until(lambda: ask(port, "/-/ready")[0] == 200, "it is ready")
        until(lambda: (found := health(port)) and "unknown" not in found.values(), "all pods were scraped")
        yield port
    finally:
        running.kill()
        running.wait()
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def proxy(prometheus, tmp_path_factory):
    """The port of the proxy of the namespace, with the arguments that the service gives it."""
    root = tmp_path_factory.mktemp("proxy")
    tree = services.tree("prometheus", services.case_file("prometheus")["cases"]["readers"], root)
    minion = Minion(root / "minion", tree["cluster"]["admin"], pillar={"k8s": tree})
    pod = services.pod_of(services.rendered(minion, "prometheus")[f"Deployment monitoring/metrics-{MINE}"])
    (port,) = programs.free_ports(1)
    args = pod["containers"][0]["args"]
    kept = [one for one in args if not one.startswith(("--insecure-listen-address", "--upstream"))]
    argv = [PROXY, f"--insecure-listen-address=127.0.0.1:{port}", f"--upstream=http://127.0.0.1:{prometheus}", *kept]
    with (root / "log").open("w") as log:
        running = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        until(lambda: ask(port, "/healthz")[0] == 200, "the proxy answers")
        yield port
    finally:
        running.kill()
        running.wait()


def series(port: int, query: str) -> list[dict[str, str]]:
    status, body = ask(port, "/api/v1/query", params=[("query", query)])
    assert status == 200, body
    return [one["metric"] for one in json.loads(body)["data"]["result"]]


def test_the_labels_and_names_of_the_platform_are_kept_from_a_pod(prometheus):
    names = {one["__name__"] for one in series(prometheus, '{job=~".*", pod="app"}')}
    assert {name for name in names if not name.startswith("scrape_")} == {"app_requests_total", "app_old", "up"}
    assert series(prometheus, 'up{pod="app"} == 7') == []
    (found,) = series(prometheus, 'app_requests_total{job="pods"}')
    assert (found["job"], found["namespace"], found["pod"]) == ("pods", MINE, "app")
    assert (found["exported_job"], found["exported_namespace"]) == ("apiserver", "kube-system")


def test_only_one_s_own_page_is_read_and_within_its_limits(prometheus):
    refused = dict.fromkeys(("redirects", "long", "names", "large", "query"), "down")
    assert health(prometheus) == {"app": "up", "secret-pod": "up", "of a node": "up"} | refused
    assert {one["pod"] for one in series(prometheus, "secret_total")} == {"secret-pod"}


def test_a_node_speaks_of_its_own_highstate_alone(prometheus):
    (found,) = series(prometheus, "saltk8s_highstate_timestamp_seconds")
    assert (found["job"], found["node"], found["minion"]) == ("node-exporter", "k8s-w1", "k8s-w1")


TRICKS = [
    "secret_total",
    '{__name__=~".+"}',
    f'secret_total{{namespace="{OTHER}"}}',
    f'{{"secret_total", "namespace"="{OTHER}"}}',
    'secret_total{namespace=~".*"}',
    f'secret_total{{namespace!="{MINE}"}}',
    f'secret_total{{namespace="{MINE}"}} or secret_total',
    f'secret_total{{namespace="{MINE}" or namespace="{OTHER}"}}',
    f'label_replace(secret_total, "namespace", "{MINE}", "", "")',
    "max_over_time(secret_total[1m:1s])",
    "last_over_time(secret_total[1m]) @ end()",
    "secret_total offset -1s # }",
    "sum by (pod) ({job=~'.+'})",
    "topk(9, secret_total) by (pod)",
    "info({__name__='app_requests_total'})",
    "count_values('pod', secret_total)",
]


@pytest.mark.parametrize("query", TRICKS)
def test_a_query_reads_nothing_of_another_namespace(proxy, query):
    """By each way in which a query can be given."""
    both = [("query", query)]
    plain = [("query", "vector(1)")]
    times = [("start", str(time.time() - 60)), ("end", str(time.time())), ("step", "5")]
    asked = [
        ask(proxy, "/api/v1/query", params=both),
        ask(proxy, "/api/v1/query", "POST", body=both),
        ask(proxy, "/api/v1/query", "POST", params=plain, body=both),
        ask(proxy, "/api/v1/query", "POST", params=both, body=plain),
        ask(proxy, "/api/v1/query", params=plain + both),
        ask(proxy, "/api/v1/query_range", params=both + times),
        ask(proxy, "/api/v1/query_exemplars", params=both + times),
        *(ask(proxy, path, params=[("match[]", query)]) for path in ("/federate", "/api/v1/series", "/api/v1/labels")),
        ask(proxy, "/federate", params=[("match[]", "app_old"), ("match[]", query)]),
        ask(proxy, "/api/v1/series", "POST", body=[("match[]", query)]),
        ask(proxy, "/api/v1/label/pod/values", params=[("match[]", query)]),
    ]
    assert [body for _, body in asked if "secret-pod" in body or "4711" in body] == []


def test_a_namespace_reads_its_own(proxy):
    assert {one["pod"] for one in series(proxy, "app_requests_total")} == {"app"}
    assert json.loads(ask(proxy, "/api/v1/label/namespace/values")[1])["data"] == [MINE]


PATHS = (
    "/api/v1/targets",
    "/api/v1/status/config",
    "/api/v1/status/tsdb",
    "/api/v1/metadata",
    "/api/v1/read",
    "/api/v1/admin/tsdb/snapshot",
    "/consoles/index.html",
    "/metrics",
    "/graph",
    "/-/quit",
    "//api/v1/targets",
    "/api/v1/query/../targets",
    "/api/v1/label/../targets",
    "/api/v1/label/%2e%2e/targets",
    "/api/v1/label/x%2f..%2f..%2ftargets",
    "/api/v1/label/pod/values/../../../targets",
)


@pytest.mark.parametrize("path", PATHS)
def test_no_other_path_is_served(proxy, path):
    for method in ("GET", "POST"):
        status, body = ask(proxy, path, method)
        assert status >= 300 and "secret-pod" not in body, (status, body[:200])
