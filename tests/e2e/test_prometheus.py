"""Monitoring: targets, alerts, their delivery, and who may read which metrics."""

from __future__ import annotations

import http.server
import json
import re
import shlex
import threading
import time
from contextlib import contextmanager

import pytest
import yaml
from conftest import ADMIN, CLIENT, NODES, ROOT, failed, until
from manifests import client, listing, local_volume, web

SERVICE = "prometheus"
VOLUMES_ON, VOLUMES = "k8s-w2", "/var/lib/rancher/e2e-monitoring"
STORED = {"k8s": {"services": {"prometheus": {"storage": "e2e-local"}}}}
WEBHOOK = ("172.31.50.1", 7071)  # of the lab's receiver `ops`
READER = "e2e-metrics"  # of the lab's `readers`
IDLE = {"pods"}  # jobs without a target as long as nobody asks for it
# what a healthy lab fires
FIRING = {
    "Watchdog": "it always does",
    "NodeClockNotSynchronised": "the clock is that of the machine under the nodes",
    "NodeDiskAlmostFull": "so is the disk",
    "NodeDiskFillingUp": "so is the disk",
    "NodeDiskFull": "so is the disk",
}
# series that are there only when what they count has happened
LATER = {
    "apiserver_admission_webhook_rejection_count": "a webhook has refused",
    "traefik_service_requests_total": "somebody has asked for a site",
    "velero_backup_last_successful_timestamp": "the schedule had its time",
    "etcd_network_peer_round_trip_time_seconds_bucket": "there is more than one etcd",
}


class Monitoring:
    """Prometheus, asked from its own node: its network policy allows no other client."""

    def __init__(self, lab):
        self.lab = lab

    def get(self, path: str, **parameters: str) -> str:
        """The body of an answer."""
        pod = self.lab.objects("-n", "monitoring", "pod", "prometheus-0")
        argv = ["curl", "-s", "-m", "20", "-G", f"http://{pod['status']['podIP']}:9090{path}"]
        for name, value in parameters.items():
            argv += ["--data-urlencode", f"{name}={value}"]
        return self.lab.ssh(pod["spec"]["nodeName"], shlex.join(argv))

    def api(self, path: str, **parameters: str):
        """The data of an answer of the API."""
        answer = json.loads(self.get(f"/api/v1/{path}", **parameters))
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, query: str) -> list[dict]:
        """The series that a query gives."""
        return self.api("query", query=query)["result"]


@pytest.fixture(scope="module")
def monitoring(lab) -> Monitoring:
    """The monitoring, which is healthy."""
    for kind in (
        "statefulset/prometheus",
        "statefulset/alertmanager",
        "deployment/kube-state-metrics",
        "deployment/blackbox-exporter",
        "deployment/highstate",
    ):
        lab.kubectl("-n", "monitoring", "rollout", "status", kind, "--timeout=180s")
    return Monitoring(lab)


def test_every_target_answers(lab, monitoring):
    text = lab.salt(ADMIN, "k8s_monitoring.prometheus_config")[ADMIN]
    jobs = {job["job_name"] for job in yaml.safe_load(text)["scrape_configs"]}
    assert {"apiserver", "etcd", "kubelet", "coredns", "felix", "traefik", "metallb", "velero"} <= jobs

    def answering() -> set[str]:
        targets = monitoring.api("targets", state="active")["activeTargets"]
        down = {
            f"{one['labels']['job']} {one['scrapeUrl']}: {one['lastError']}" for one in targets if one["health"] != "up"
        }
        silent = jobs - {one["labels"]["job"] for one in targets} - IDLE
        wrong.clear()
        wrong.update(down | silent)
        return not wrong

    wrong: set[str] = set()
    try:
        until(answering, "every target answers", timeout_s=150, every_s=5)
    finally:
        assert not wrong
    nodes = {series["metric"]["node"] for series in monitoring.query('up{job="node-exporter"} == 1')}
    assert nodes == set(NODES)


def measured() -> list[dict]:
    """What the platform itself does not have: a failed Job, CronJob, an autoscaler, a claim in use, a missing image."""

    def job(command: str) -> dict:
        box = {"name": "job", "image": CLIENT, "command": [command]}
        return {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [box]}}}

    keeper, waiting = client("keeper", "k8s-w1"), client("waiting", "k8s-w1")
    waiting["spec"]["containers"][0]["image"] = f"{CLIENT}-that-nobody-made"
    keeper["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "kept"}}]
    keeper["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    return [
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "fails"}, "spec": job("false")},
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "nightly"},
            "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job("true")}},
        },
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web"},
            "spec": {
                "maxReplicas": 2,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "kept"},
            "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Mi"}}},
        },
        web("web"),
        keeper,
        waiting,
    ]


@pytest.mark.slow
def test_the_series_that_the_alerts_query_exist(lab, monitoring, namespace):
    """Each series name in tests/cases/prometheus is one that a program really exposes."""
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(*measured()))
    tables = [yaml.safe_load(path.read_text()) for path in (ROOT / "tests" / "cases" / "prometheus").glob("*.yaml")]
    cases = [case for table in tables for cases in table.values() for case in cases]
    series = [one for case in cases for key in ("ill", "well") for one in case.get(key, {})]
    names = {re.match(r"[A-Za-z_:0-9]+", one)[0] for one in series}
    assert len(names) > 60
    ours = {name for name in names if name.startswith("saltk8s_")}  # tests of their own

    def missing() -> set[str]:
        return names - set(monitoring.api("label/__name__/values")) - set(LATER) - ours

    # a kubelet looks at a volume's use once a minute
    end = time.monotonic() + 180
    while missing() and time.monotonic() < end:
        time.sleep(5)
    assert missing() == set()


def test_every_rule_is_healthy_and_nothing_fires(monitoring):
    groups = monitoring.api("rules")["groups"]
    wrong = [
        f"{rule['name']}: {rule['lastError']}" for group in groups for rule in group["rules"] if rule["health"] == "err"
    ]
    assert wrong == []
    recorded = {rule["name"] for group in groups for rule in group["rules"] if rule["type"] == "recording"}
    assert len(recorded) > 10
    alerts = monitoring.api("alerts")["alerts"]
    firing = {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}
    assert firing - set(FIRING) == set()


@contextmanager
def receiver():
    """A receiver of Alertmanager's messages: the list of the alerts that came."""
    alerts: list[dict] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802 (the library's name)
            alerts.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(WEBHOOK, Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield alerts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.slow
def test_an_alert_reaches_the_receiver(lab, monitoring, namespace):
    """A process over its memory limit is OOM-killed: the alert is delivered."""
    pod = client("greedy", "k8s-w1")
    pod["spec"]["restartPolicy"] = "Never"
    pod["spec"]["containers"][0] |= {
        "command": ["sh", "-c", "tail /dev/zero"],
        "resources": {"limits": {"memory": "32Mi"}},
    }
    with receiver() as alerts:
        lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(pod))
        until(lambda: "OOMKilled" in lab.kubectl("-n", namespace, "get", "pod", "greedy", "-o", "yaml"), "it is killed")
        until(
            lambda: any(alert["labels"]["alertname"] == "NodeOutOfMemoryKill" for alert in alerts),
            "the message comes",
            timeout_s=240,
        )
    (found,) = {
        alert["annotations"]["summary"]
        for alert in alerts
        if alert["labels"]["alertname"] == "NodeOutOfMemoryKill" and alert["labels"]["node"] == "k8s-w1"
    }
    assert "k8s-w1" in found


@pytest.fixture
def reader(lab):
    """The namespace of the lab's pillar that may read its own metrics."""
    lab.kubectl("create", "namespace", READER)
    yield READER
    lab.kubectl("delete", "namespace", READER, "--wait=true", "--timeout=120s")


def test_a_namespace_reads_its_own_metrics_and_no_others(lab, monitoring, reader, namespace):
    for space in (reader, namespace):
        lab.kubectl("-n", space, "apply", "-f", "-", stdin=listing(client("asker", "k8s-w2")))
    for space in (reader, namespace):
        lab.kubectl("-n", space, "wait", "--for=condition=Ready", "pod/asker", "--timeout=120s")

    def ask(space: str, query: str, host: str = f"metrics-{READER}.monitoring:8080") -> str:
        argv = ["curl", "-s", "-m", "5", "-G", f"http://{host}/api/v1/query", "--data-urlencode", f"query={query}"]
        return lab.kubectl("-n", space, "exec", "asker", "--", *argv, check=False)

    def own() -> set[str]:
        answer = ask(reader, "kube_pod_info")
        return {one["metric"]["namespace"] for one in json.loads(answer)["data"]["result"]} if answer else set()

    assert until(own, "its pods are measured", timeout_s=120, every_s=3) == {reader}
    refused = json.loads(ask(reader, 'kube_pod_info{namespace="kube-system"}'))
    assert refused["status"] == "error"
    assert ask(namespace, "kube_pod_info") == "", "another namespace does not reach that proxy"
    assert ask(reader, "kube_pod_info", "prometheus.monitoring:9090") == "", "nor anybody Prometheus itself"


@pytest.mark.slow
def test_the_highstate_is_a_metric(lab, monitoring):
    answers = lab.salt("*", "k8s_monitoring.export_drift")
    assert set(answers) == {ADMIN, *NODES}

    def minions() -> bool:
        found = monitoring.query('saltk8s_highstate_states{result="ok"} > 0')
        return {one["metric"]["minion"] for one in found} == {ADMIN, *NODES}

    # the kubelet takes up to two minutes to show a pod the ConfigMap's new content
    until(minions, "every minion's highstate is measured", timeout_s=240, every_s=5)
    failing = monitoring.query('saltk8s_highstate_states{result="failure"} > 0')
    assert failing == []
    page = monitoring.get("/consoles/backup.html")
    assert [minion for minion in answers if minion not in page] == []


@pytest.mark.parametrize(
    "page, parameters, shown",
    [
        ("index", {}, [*NODES, "kube-system"]),
        ("node", {"node": "k8s-w1"}, ["Node k8s-w1", "traefik", "/"]),
        ("namespace", {"namespace": "kube-system"}, ["Namespace kube-system", "coredns", "k8s-w"]),
        ("platform", {}, ["PATCH, slowest 1 %", "<td>k8s-cp1</td><td>known</td>", "<td>public</td>"]),
        ("backup", {}, ["172.31.50.11:6443"]),
    ],
)
def test_a_page_shows_what_is_measured(monitoring, page, parameters, shown):
    def missing() -> list[str]:
        text = monitoring.get(f"/consoles/{page}.html", **parameters)
        assert text.rstrip().endswith("</body></html>"), text[-500:]
        return [word for word in shown if word not in text]

    # certificates are measured every two minutes
    until(lambda: not missing(), f"the page {page} shows {shown}", timeout_s=150, every_s=3)


@pytest.fixture
def on_volumes(lab):
    """Prometheus and Alertmanager with claims, as a site has them; the lab's own configuration again afterwards."""
    lab.ssh(VOLUMES_ON, f"rm -rf {VOLUMES} && mkdir -m 777 -p {VOLUMES}/prometheus {VOLUMES}/alertmanager")
    lab.kubectl("apply", "-f", "-", stdin=listing(*(volume(name) for name in ("prometheus", "alertmanager"))))
    try:
        answer = lab.salt(ADMIN, "state.apply", "k8s.prometheus", f"pillar={json.dumps(STORED)}")[ADMIN]
        assert not failed(answer)
        yield
    finally:
        assert not failed(lab.salt(ADMIN, "state.apply", "k8s.prometheus")[ADMIN])
        # a claim holds data: the state leaves it where it is
        lab.kubectl("-n", "monitoring", "delete", "pvc", "prometheus", "alertmanager", "--timeout=60s")
        lab.kubectl("delete", "pv", "e2e-prometheus", "e2e-alertmanager", "--timeout=60s")
        lab.ssh(VOLUMES_ON, f"rm -rf {VOLUMES}")


def volume(name: str) -> dict:
    """The volume of one of the two claims."""
    made = local_volume(f"e2e-{name}", VOLUMES_ON, f"{VOLUMES}/{name}", "e2e-local", "2Gi")
    made["spec"]["claimRef"] = {"namespace": "monitoring", "name": name}
    return made


def ready_pod(lab) -> str | None:
    """UID of prometheus-0, None while it is not ready."""
    shown = lab.kubectl("-n", "monitoring", "get", "pod", "prometheus-0", "--ignore-not-found", "-o", "json")
    pod = json.loads(shown or "{}")
    conditions = {one["type"]: one["status"] for one in pod.get("status", {}).get("conditions", [])}
    return pod["metadata"]["uid"] if conditions.get("Ready") == "True" else None


def test_metrics_outlive_the_pod(lab, monitoring, on_volumes):
    """A new Prometheus on the same claim has the samples of the old one."""
    assert lab.objects("-n", "monitoring", "pvc", "prometheus")["status"]["phase"] == "Bound"
    until(lambda: monitoring.query('up{job="prometheus"}'), "it measures", every_s=3)
    (old,) = monitoring.query("min_over_time(timestamp(up{job='prometheus'})[1h:5s])")
    before = lab.objects("-n", "monitoring", "pod", "prometheus-0")["metadata"]["uid"]
    lab.kubectl("-n", "monitoring", "delete", "pod", "prometheus-0", "--wait=true", "--timeout=180s")
    # not `rollout status`: it reads the StatefulSet's status, in which the deleted pod may still be ready
    until(lambda: ready_pod(lab) not in (None, before), "another prometheus-0 is ready", timeout_s=180)
    (new,) = monitoring.query("min_over_time(timestamp(up{job='prometheus'})[1h:5s])")
    assert new["value"][1] == old["value"][1], "the first measurement is the old one's"
