"""A tenant tries to leave its own: all of ``tests/cases/fences.yaml`` is tried on the lab, and nobody feels it.

What is refused is asked for in earnest, so that what passed would do its harm, and the tests that follow would see it.
"""

from __future__ import annotations

import json
import subprocess

import pytest
from conftest import ADMIN, CLIENT, WEB, changed, failed, until
from manifests import listing, service
from support import fences
from test_prometheus import Monitoring
from test_tenants import KUBECONFIG, Tenant, workload
from test_traefik import CA, Front

SERVICE = "tenants"
ATTACKER, SPACE, VICTIM = "resif", "grafana", "ist-web"
VICTIMS_HOST = "www.lab.example"
API_SERVER = "https://172.31.50.11:6443/"
CASES = fences.cases("lab.example", WEB, SPACE)
REFUSED = [case for case in CASES if case.refused is not None]
ALLOWED = [case for case in CASES if case.refused is None]
FREE = '{"metadata": {"finalizers": null}}'
ASKED = 20  # requests for the victim's host: one router too many would get its share of them


@pytest.fixture(scope="module")
def tenants(lab, tmp_path_factory):
    """Both tenants of the lab; the victim has a web server and an Ingress for its host, the attacker both programs."""
    folder = tmp_path_factory.mktemp("fences")
    found = {}
    for name in (ATTACKER, VICTIM):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(lab.salt(ADMIN, "file.read", KUBECONFIG.format(name))[ADMIN])
        found[name] = Tenant(name, str(path))
    given = {
        ATTACKER: [workload("web"), service("web"), workload("client", "Pod", CLIENT)],
        VICTIM: [workload("web"), service("web"), ingress(VICTIMS_HOST)],
    }
    try:
        for name, objects in given.items():
            found[name].does("apply", "-f", "-", stdin=listing(*objects))
        for name in given:
            found[name].does("rollout", "status", "deployment/web", "--timeout=150s")
        found[ATTACKER].does("wait", "--for=condition=Ready", "pod/client", "--timeout=150s")
        yield found
    finally:
        for name, objects in given.items():
            found[name].run("delete", "--ignore-not-found", "--timeout=90s", "-f", "-", stdin=listing(*objects))


@pytest.fixture(scope="module")
def attacker(tenants) -> Tenant:
    return tenants[ATTACKER]


@pytest.fixture(scope="module")
def told(attacker):
    """What the attacker is told to all that should be refused; what was accepted stays until the module's end."""
    answers = fences.answers(attacker.run, REFUSED, "create")
    yield answers
    passed = listing(*(case.obj for case in REFUSED if not answers[case.name]))
    attacker.run("delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=passed)
    attacker.run("patch", "--type=merge", "-p", FREE, "-f", "-", stdin=passed)


@pytest.fixture(scope="module")
def front() -> Front:
    """Traefik, asked by name."""
    argv = ["docker", "exec", "saltk8s-lab-admin", "cat", CA]
    return Front(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def ingress(host: str) -> dict:
    """The victim's front door."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    meta = {"name": "front"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": {"rules": [rule]}}


def pods_of(tenant: Tenant, label: str) -> set[str]:
    """Names of its pods that have the label."""
    return set(tenant.does("get", "pods", "-l", label, "-o", "jsonpath={.items[*].metadata.name}").split())


def the_victim_answers_itself(tenants, front) -> None:
    """Its host is answered by its own pods, each time."""
    own = pods_of(tenants[VICTIM], "app=web")
    until(lambda: front.get(VICTIMS_HOST).status == 200, f"{VICTIMS_HOST} answers")
    for _ in range(ASKED):
        answer = front.get(VICTIMS_HOST)
        assert answer.status == 200 and answer.body.split()[0] in own, (answer, own)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.title)
def test_it_is_refused_and_told_why(told, case):
    assert not (found := fences.wrong(told, [case])), found[0]


def test_the_work_of_every_day_is_not(attacker):
    told = fences.answers(attacker.run, ALLOWED, "create", "--dry-run=server")
    assert not (found := fences.wrong(told, ALLOWED)), "\n".join(found)


def test_every_kind_that_it_can_make_is_counted(lab, attacker):
    """Else etcd is filled, one small object after the other."""
    hard = lab.objects("resourcequota", "tenant", "-n", SPACE)["spec"]["hard"]
    assert fences.uncounted(attacker.run, SPACE, hard) == set()


def test_the_quota_ends_before_etcd_does(attacker, tenants):
    """One tenant makes as many objects as it may; it is told, and the other works on."""
    many = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"fill-{number}"}} for number in range(300)]
    try:
        done = attacker.run("create", "-f", "-", stdin=listing(*many))
        assert "exceeded quota: tenant, requested: count/configmaps=1" in done.stderr, done.stderr[-500:]
        tenants[VICTIM].does("create", "configmap", "note", "--from-literal=a=b")
    finally:
        attacker.run("delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=listing(*many))
        tenants[VICTIM].run("delete", "configmap", "note", "--ignore-not-found")


# -- carried out: what got through would be seen here


def test_anothers_host_is_answered_by_its_own_pods(tenants, front, told):
    """After all that took hold of it: annotations, rules, services of other providers, certificates."""
    the_victim_answers_itself(tenants, front)
    connection = front.connection(VICTIMS_HOST)
    names = [value for _, value in connection.sock.getpeercert()["subjectAltName"]]
    connection.close()
    assert "*.lab.example" in names, "the platform's certificate"


def test_an_object_that_is_being_deleted_is_judged_as_before(attacker, tenants, front, told):
    """It is obeyed until it is gone: a finalizer of the tenant's own keeps it."""
    tried = [case for case in REFUSED if case.changeable and case.kind in ("NetworkPolicy", "Ingress", "IngressRoute")]
    tried = [case._replace(obj=renamed(case.obj)) for case in tried]
    before = fences.twins(tried, CASES, finalizers=[fences.FINALIZER])
    everything = listing(*(one.obj for one in before))
    try:
        attacker.does("create", "-f", "-", stdin=everything)
        attacker.does("delete", "--wait=false", "-f", "-", stdin=everything)
        answers = fences.answers(attacker.run, tried, "replace")
        assert not (found := fences.wrong(answers, tried)), "\n".join(found)
        the_victim_answers_itself(tenants, front)
        assert attacker.hears(API_SERVER) == "000", "the network policies hold"
    finally:
        attacker.run("patch", "--type=merge", "-p", FREE, "-f", "-", stdin=everything)
    left = attacker.does("get", "--ignore-not-found", "-o", "name", "-f", "-", stdin=everything)
    assert left == "", "the finalizers could be taken away"


def renamed(obj: dict) -> dict:
    """The object under another name, with a finalizer that keeps it."""
    meta = obj["metadata"] | {"name": f"dying-{obj['metadata']['name']}", "finalizers": [fences.FINALIZER]}
    return obj | {"metadata": meta}


def test_a_volume_of_anothers_stays_available(lab, attacker, told):
    """None of the claims took one that has no class, or one that is named."""
    nfs = {"server": "172.31.50.3", "path": "/export/projects"}
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "nfs": nfs, "storageClassName": ""}
    spec |= {"persistentVolumeReclaimPolicy": "Retain"}
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv-of-another"}, "spec": spec}
    claims = [case for case in REFUSED if case.kind == "PersistentVolumeClaim"]
    claims = [
        case._replace(obj=case.obj | {"metadata": case.obj["metadata"] | {"name": f"{case.name}-now"}})
        for case in claims
    ]
    lab.kubectl("apply", "-f", "-", stdin=listing(volume))
    try:
        until(lambda: lab.objects("pv", "pv-of-another")["status"]["phase"] == "Available", "the volume is available")
        answers = fences.answers(attacker.run, claims, "create")
        assert not (found := fences.wrong(answers, claims)), "\n".join(found)
        assert "claimRef" not in lab.objects("pv", "pv-of-another")["spec"]
    finally:
        attacker.run(
            "delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=listing(*(one.obj for one in claims))
        )
        lab.kubectl("delete", "pv", "pv-of-another", "--wait=false")


def test_nothing_of_a_tenants_is_on_the_control_plane(lab, attacker, told):
    """A DaemonSet runs on the workers; what asked for the control plane is not there."""
    spec = fences.workload("DaemonSet", "everywhere", fences.pod(WEB, {"terminationGracePeriodSeconds": 0}))
    everywhere = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "everywhere"}, "spec": spec}
    try:
        attacker.does("apply", "-f", "-", stdin=listing(everywhere))
        until(lambda: len(pods_of(attacker, "app=everywhere")) == 2, "a pod for each worker")
        pods = lab.objects("pods", "-A", "--field-selector", "spec.nodeName=k8s-cp1")["items"]
        assert [one["metadata"]["name"] for one in pods if one["metadata"]["namespace"] in (SPACE, VICTIM)] == []
    finally:
        attacker.run("delete", "daemonset", "everywhere", "--ignore-not-found", "--wait=false")


def test_a_pod_that_says_nothing_has_a_filter_and_limits(attacker):
    """seccomp's, which the container itself can read; and what its namespace adds."""
    bare = {
        "containers": [{"name": "bare", "image": CLIENT, "command": ["sleep", "infinity"]}],
        "terminationGracePeriodSeconds": 0,
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": bare}
    try:
        attacker.does("apply", "-f", "-", stdin=listing(pod))
        attacker.does("wait", "--for=condition=Ready", "pod/bare", "--timeout=120s")
        status = attacker.does("exec", "bare", "--", "cat", "/proc/1/status")
        assert "Seccomp:\t2" in status, status
        resources = json.loads(attacker.does("get", "pod", "bare", "-o", "json"))["spec"]["containers"][0]["resources"]
        assert {"cpu", "memory", "ephemeral-storage"} <= set(resources["limits"]), resources
    finally:
        attacker.run("delete", "pod", "bare", "--ignore-not-found", "--wait=false")


def test_the_operators_run_passes(lab, attacker, told):
    """Whatever lies in the tenant's namespace: the names and labels that were tried, and a finalizer that stays."""
    stuck = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stuck", "finalizers": [fences.FINALIZER]}}
    try:
        attacker.does("create", "-f", "-", stdin=listing(stuck))
        attacker.does("delete", "configmap", "stuck", "--wait=false")
        answer = lab.salt(ADMIN, "state.apply", "k8s.tenants")[ADMIN]
        assert (failed(answer), changed(answer)) == ([], [])
    finally:
        attacker.run("patch", "configmap", "stuck", "--type=merge", "-p", FREE)


LIES = """
pid /tmp/pid; error_log stderr; events {}
http {
  access_log off;
  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c;
  uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
  server {
    listen 8080;
    default_type text/plain;
    location /metrics {
      return 200 "fence_own 1\\nsaltk8s_highstate_timestamp_seconds{minion=\\"k8s-cp1\\",namespace=\\"salt\\"} 9e12\\n";
    }
    location /moved { return 302 http://blackbox-exporter.monitoring.svc:9115/metrics; }
  }
}
"""


def liar(name: str, path: str) -> dict:
    """A pod that is scraped, and serves what it likes."""
    start = "printf '%s' \"$LIES\" > /tmp/conf && exec nginx -c /tmp/conf -g 'daemon off;'"
    box = {"command": ["bash", "-c", start], "env": [{"name": "LIES", "value": LIES}]}
    found = workload(name, "Pod", CLIENT)
    found["spec"]["containers"][0] |= box
    scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": path}
    found["metadata"]["annotations"] = scraped
    return found


def test_metrics_of_a_tenant_are_its_own_alone(lab, attacker):
    """A pod that shows the platform's figures, and one that sends Prometheus on to an exporter of the platform's."""
    monitoring = Monitoring(lab)
    liars = listing(liar("liar", "/metrics"), liar("mover", "/moved"))
    try:
        attacker.does("apply", "-f", "-", stdin=liars)
        until(lambda: monitoring.query('fence_own{namespace="grafana"}'), "the liar is scraped", 120)
        scraped = 'scrape_samples_scraped{namespace="grafana",pod="mover"}'
        (moved,) = until(lambda: monitoring.query(scraped), "the mover is asked", 120)
        assert moved["value"][1] == "0", "the redirect was not followed"
        assert monitoring.query('saltk8s_highstate_timestamp_seconds{job="pods"}') == []
        assert monitoring.query("saltk8s_highstate_timestamp_seconds > 1e12") == []
    finally:
        attacker.run("delete", "pod", "liar", "mover", "--ignore-not-found", "--wait=false")
