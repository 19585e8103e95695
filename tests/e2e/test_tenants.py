"""Tenants in the lab, with their own kubeconfigs: what is allowed, what is forbidden, and their network policies."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from conftest import ADMIN, CLIENT, WEB, until
from labkit import gobuild, programs
from manifests import listing, service

SERVICE = "tenants"
KUBECONFIG = "/var/lib/saltk8s/lab/tenants/{}.kubeconfig"
SPACES = {"resif": "grafana", "ist-web": "ist-web"}
REGISTRY = "https://172.31.50.1:5000/v2/"  # a network that resif is open to, and ist-web is not
POD = {
    "automountServiceAccountToken": False,
    "terminationGracePeriodSeconds": 0,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
}


class Tenant:
    """kubectl with a tenant's own kubeconfig, on this machine."""

    def __init__(self, name: str, config: str):
        self.name, self.config = name, config
        self.program = str(gobuild.path_of(programs.BY_NAME["kubectl"], gobuild.go_version()))

    def run(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess:
        """Run kubectl; nothing is checked."""
        argv = [self.program, "--kubeconfig", self.config, *words]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=180, check=False)

    def does(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl, which must succeed; return its output."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f"{self.name}: kubectl {' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def refused(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl, which must be refused; return what the developer reads."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode != 0, f"{self.name}: kubectl {' '.join(words)} was not refused\n{done.stdout}"
        return done.stderr

    def hears(self, url: str) -> str:
        """What its client pod gets of a URL, with the status behind it: 000 when nothing within 3 s."""
        return self.run("exec", "client", "--", "curl", "-s", "-k", "-m", "3", "-w", "%{http_code}", url).stdout


def workload(name: str, kind: str = "Deployment", image: str = WEB, **more) -> dict:
    """A web server, or a client that sleeps, without requests: the namespace's defaults are taken."""
    box = {"name": name, "image": image, "securityContext": {"allowPrivilegeEscalation": False}}
    meta = {"name": name, "labels": {"app": name}}
    if kind == "Pod":
        box |= {"command": ["sleep", "infinity"]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": POD | {"containers": [box | more]}}
    box |= {"env": [{"name": "NODE", "value": "anywhere"}], "readinessProbe": {"httpGet": {"path": "/", "port": 8080}}}
    template = {"metadata": {"labels": {"app": name}}, "spec": POD | {"containers": [box | more]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
    }


def ingress(host: str) -> str:
    """An Ingress for a host."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return json.dumps(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "case"},
            "spec": {"rules": [rule]},
        }
    )


@pytest.fixture(scope="module")
def tenants(lab, tmp_path_factory):
    """The two tenants of the lab, each with a web server and a client in its namespace."""
    folder = tmp_path_factory.mktemp("tenants")
    found = {}
    for name in SPACES:
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(lab.salt(ADMIN, "file.read", KUBECONFIG.format(name))[ADMIN])
        found[name] = Tenant(name, str(path))
    try:
        for tenant in found.values():
            objects = listing(workload("web"), service("web"), workload("client", "Pod", CLIENT))
            tenant.does("apply", "-f", "-", stdin=objects)
            tenant.does("rollout", "status", "deployment/web", "--timeout=150s")
            tenant.does("wait", "--for=condition=Ready", "pod/client", "--timeout=150s")
        yield found
    finally:
        for tenant in found.values():
            tenant.run("delete", "deployment/web", "service/web", "pod/client", "--ignore-not-found", "--timeout=90s")


def test_a_tenant_reads_its_own_metrics_through_its_fence(tenants):
    names = "http://metrics-grafana.monitoring:8080/api/v1/label/namespace/values"
    assert until(lambda: '"grafana"' in tenants["resif"].hears(names), "its pods are measured", timeout_s=120)
    assert json.loads(tenants["resif"].hears(names).removesuffix("200"))["data"] == ["grafana"]
    assert tenants["ist-web"].hears(names) == "000"


def test_a_tenant_deploys_in_its_namespace_alone(tenants):
    resif = tenants["resif"]
    assert resif.does("get", "deployment", "web", "-o", "jsonpath={.metadata.namespace}") == "grafana"
    assert 'cannot list resource "pods"' in resif.refused("get", "pods", "-n", "ist-web")
    assert 'cannot list resource "nodes"' in resif.refused("get", "nodes")
    assert 'cannot create resource "serviceaccounts/token"' in resif.refused(
        "create", "token", "ist-web", "-n", "saltk8s-tenants"
    )


def test_the_quota_names_what_it_rejects(tenants):
    big = workload("big", "Pod", CLIENT, resources={"limits": {"cpu": "3"}})
    said = tenants["resif"].refused("apply", "-f", "-", stdin=json.dumps(big))
    assert "exceeded quota: tenant, requested: requests.cpu=3, used: requests.cpu=" in said
    assert "limited: requests.cpu=2" in said
    front = service("front", kind="LoadBalancer")
    said = tenants["resif"].refused("apply", "-f", "-", stdin=json.dumps(front))
    assert "has externalTrafficPolicy: Local" in said
    front["spec"]["externalTrafficPolicy"] = "Local"
    said = tenants["resif"].refused("apply", "-f", "-", stdin=json.dumps(front))
    assert "services.loadbalancers=1" in said


def test_what_is_not_its_own_is_forbidden(tenants):
    resif = tenants["resif"]
    said = resif.refused("apply", "-f", "-", stdin=ingress("www.lab.example"))
    assert "the host www.lab.example is not one of the namespace grafana; allowed: *.resif.lab.example" in said
    assert "created (server dry run)" in resif.does(
        "apply", "--dry-run=server", "-f", "-", stdin=ingress("a.resif.lab.example")
    )
    said = resif.refused("run", "x", "--image=docker.io/library/redis:7")
    assert "the image docker.io/library/redis:7 does not come from a registry" in said
    assert "allowed: 172.31.50.1:5000" in said
    assert "belongs to the platform" in resif.refused("delete", "networkpolicy", "default-deny")


def test_dns_answers_behind_the_network_policies(tenants, lab):
    address = lab.objects("-n", "ist-web", "service", "web")["spec"]["clusterIP"]
    for tenant in tenants.values():
        found = tenant.does("exec", "client", "--", "dig", "+short", "+tries=3", "web.ist-web.svc.cluster.local")
        assert found.split() == [address]


def test_network_policies_deny_all_but_what_the_pillar_opens(tenants):
    url = "http://web.{}.svc.cluster.local/"
    resif, ist = tenants["resif"], tenants["ist-web"]
    # the two that must answer come first: that the others do not is then the fence's doing
    until(lambda: "web-" in ist.hears(url.format("grafana")), "ist-web reaches resif, as resif opens to it")
    until(lambda: "web-" in resif.hears(url.format("grafana")), "resif reaches itself")
    until(lambda: "web-" in ist.hears(url.format("ist-web")), "ist-web reaches itself")
    assert resif.hears(url.format("ist-web")) == "000", "resif does not reach ist-web"
    until(lambda: resif.hears(REGISTRY)[-3:] in ("200", "401"), "resif reaches the network that it is open to")
    assert ist.hears(REGISTRY) == "000", "ist-web does not"


def test_other_namespaces_are_denied(tenants, lab, namespace):
    pod = workload("client", "Pod", CLIENT)
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(pod))
    lab.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/client", "--timeout=120s")

    def hears(space: str) -> str:
        url = f"http://web.{space}.svc.cluster.local/"
        return lab.kubectl("-n", namespace, "exec", "client", "--", "curl", "-s", "-m", "3", url, check=False)

    assert hears("grafana") == "" and hears("ist-web") == ""
    web = listing(workload("web"), service("web"))
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=web)
    until(lambda: "web-" in hears(namespace), "it reaches what has no fence")


def test_a_load_balancer_answers_those_whom_the_pillar_names(lab, tenants):
    ist = tenants["ist-web"]
    front = service("front", kind="LoadBalancer")
    front["spec"] |= {
        "selector": {"app": "web"}, "externalTrafficPolicy": "Local", "allocateLoadBalancerNodePorts": False,
    }  # fmt: skip

    def opened(source: str) -> None:
        opens = {"from_outside": {"sources": [source], "tcp": [8080]}}
        edit = {"k8s": {"tenants": {"ist-web": {"quota": {"load_balancers": 1}, "opens": opens}}}}
        answer = lab.salt(ADMIN, "state.apply", "k8s.tenants", f"pillar={json.dumps(edit)}")[ADMIN]
        assert [one["comment"] for one in answer.values() if one["result"] is not True] == []

    def answers() -> str:
        given = lab.objects("-n", "ist-web", "service", "front")["status"]["loadBalancer"].get("ingress")
        argv = ["curl", "-s", "-m", "2", f"http://{given[0]['ip']}/"] if given else ["true"]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout

    try:
        opened("172.31.50.0/24")
        until(lambda: ist.run("apply", "-f", "-", stdin=json.dumps(front)).returncode == 0, "the quota admits it")
        until(lambda: "web-" in answers(), "it answers this machine, which is in the lab's network")
        opened("192.0.2.0/24")
        until(lambda: answers() == "", "it does not answer whom the pillar no longer names")
    finally:
        ist.run("delete", "service/front", "--ignore-not-found")
        lab.salt(ADMIN, "state.apply", "k8s.tenants")


def test_the_report_shows_quota_against_use(lab, tenants):
    def used() -> bool:
        found = lab.salt(ADMIN, "k8s_config.tenant_report")[ADMIN]["resif"]
        quota = found["namespaces"]["grafana"]
        return quota["pods"]["hard"] == "20" and int(quota["pods"]["used"] or 0) >= 2 and quota["pods"]["percent"] >= 10

    until(used, "the report counts the tenant's pods")
    text = lab.salt(ADMIN, "k8s_config.tenant_report", "text=True")[ADMIN]
    assert any(line.split()[:2] == ["resif", "grafana"] for line in text.splitlines()), text


def test_the_kubeconfigs_are_roots_alone_and_stay(lab, tenants):
    for name in SPACES:
        stats = lab.salt(ADMIN, "file.stats", KUBECONFIG.format(name))[ADMIN]
        assert (stats["mode"], stats["user"]) == ("0600", "root")
    begun = time.monotonic()
    answer = lab.salt(ADMIN, "state.apply", "k8s.tenants")[ADMIN]
    assert [one["comment"] for one in answer.values() if one["result"] is not True] == []
    assert [one["changes"] for one in answer.values() if one["changes"]] == []
    assert time.monotonic() - begun < 60
    assert all(one["days_left"] >= 1 for one in lab.salt(ADMIN, "k8s_tenants.kubeconfigs")[ADMIN].values())
