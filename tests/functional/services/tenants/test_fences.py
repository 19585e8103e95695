"""The rows of ``tests/cases/fences.yaml`` on a real API server with the rendered policies."""

from __future__ import annotations

import json

import pytest
from tests.support import fences, services
from tests.support.tenants import run

CASES = fences.cases("osug.example", "registry.osug.example/resif/web:1", "resif")
CHANGEABLE = [case for case in CASES if case.refused is not None and case.changeable]
WORKLOADS = [one for case in CASES if case.refused and case.kind == "Pod" for one in fences.wrapped(case)]

STANDARD = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "fences.example/none",
}


@pytest.fixture(scope="module")
def developer(cluster):
    """kubectl of an administrator of the tenant resif, in its namespace; the cluster has a default storage class."""
    cluster.apply(STANDARD)
    return lambda *words, stdin=None: run(cluster, "grp-resif-dev", "-n", "resif", *words, stdin=stdin)


@pytest.fixture
def room(cluster):
    """The quota as if nothing were used: its controller is not here, so what was deleted still counts."""
    hard = cluster.get("resourcequota", "tenant", "-n", "resif")["spec"]["hard"]
    cluster.set_status("resourcequota", "tenant", {"hard": hard, "used": dict.fromkeys(hard, "0")}, "resif")


@pytest.fixture(scope="module")
def told(developer):
    """What the API server says to each row."""
    return fences.answers(developer, CASES, "create", "--dry-run=server")


def does(developer, *words: str, stdin: str | None = None) -> str:
    """kubectl, which must succeed."""
    done = developer(*words, stdin=stdin)
    assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
    return done.stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_what_a_tenant_asks_for(told, case):
    assert not (found := fences.wrong(told, [case])), found[0]


def test_a_pod_is_judged_in_every_workload(developer):
    """But for its level of security and its limits, which Kubernetes judges when the pod is made."""
    told = fences.answers(developer, WORKLOADS, "create", "--dry-run=server")
    found = fences.wrong(told, [one for one in WORKLOADS if told[one.name] or not one.of_pods_alone])
    assert not found, "\n".join(found)


@pytest.mark.parametrize("dying", [False, True], ids=["that stays", "that is being deleted"])
def test_an_object_cannot_become_what_it_could_not_be(developer, room, dying):
    meta = {"finalizers": [fences.FINALIZER]} if dying else {}
    before = fences.twins(CHANGEABLE, CASES, **meta)
    everything = fences.listing(one.obj for one in before)
    does(developer, "create", "-f", "-", stdin=everything)
    if dying:
        does(developer, "delete", "--wait=false", "-f", "-", stdin=everything)
    after = [one._replace(obj=one.obj | {"metadata": {**one.obj["metadata"], **meta}}) for one in CHANGEABLE]
    told = fences.answers(developer, after, "replace", "--dry-run=server")
    assert not (found := fences.wrong(told, after)), "\n".join(found)
    if dying:  # an update that takes the finalizers away is nobody's business
        bare = fences.listing(one.obj | {"metadata": {"name": one.name}} for one in before)
        does(developer, "replace", "-f", "-", stdin=bare)
    else:
        does(developer, "delete", "--wait=false", "-f", "-", stdin=everything)
    left = does(developer, "get", "-f", "-", "--ignore-not-found", "-o", "name", stdin=everything)
    assert left == "", "they are gone"


def test_the_work_of_every_day(developer, room):
    """All that is allowed is made, applied again by the server, scaled, restarted and deleted."""
    fine = [case for case in CASES if case.refused is None]
    objects = fences.listing(case.obj for case in fine)
    does(developer, "create", "-f", "-", stdin=objects)
    does(developer, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=objects)
    does(developer, "annotate", "--overwrite", "-f", "-", "note=seen", stdin=objects)
    for kind in ("deployment", "statefulset", "daemonset"):
        does(developer, "rollout", "restart", kind)
    for kind in ("deployment", "statefulset", "replicaset", "replicationcontroller"):
        does(developer, "scale", kind, "--all", "--replicas=2")
    stays = '{"metadata": {"finalizers": %s}}'
    held = fences.listing(case.obj for case in fine if case.kind != "Pod")  # which would stop the drain of its node
    does(developer, "patch", "--type=merge", "-p", stays % f'["{fences.FINALIZER}"]', "-f", "-", stdin=held)
    does(developer, "delete", "--wait=false", "-f", "-", stdin=objects)
    does(developer, "patch", "--type=merge", "-p", stays % "null", "-f", "-", stdin=held)
    assert does(developer, "get", "-f", "-", "--ignore-not-found", "-o", "name", stdin=objects) == ""


def test_every_name_of_the_platforms_is_reserved(developer, make):
    """An object that is there before the platform's own would stop the operators' run: of any tenant's opening."""
    on = {
        "metallb": {"enabled": True},
        "traefik": {"enabled": True},
        "prometheus": {"enabled": True, "readers": ["resif"]},
    }
    found = {}
    for obj in services.rendered(make({"services": on}), "tenants").values():
        kind, name, space = obj["kind"], obj["metadata"]["name"], obj["metadata"].get("namespace")
        if kind in fences.VERSION_OF and space not in (None, "saltk8s-tenants"):
            own = obj | {"metadata": {"name": name}}
            if kind == "NetworkPolicy":  # one that opens nothing, and a role that the tenant may give
                own["spec"] = {"podSelector": {}}
            elif kind == "RoleBinding":
                own["roleRef"] = obj["roleRef"] | {"name": "view"}
            found[kind, name] = fences.Case(f"{kind} {name}", own, "is reserved for the platform", ())
    cases = list(found.values())
    assert {"tenant-traefik", "allow-to-metrics", "allow-from-tenants"} <= {case.name for case in cases}
    told = fences.answers(developer, cases, "create", "--dry-run=server")
    assert not (wrong := fences.wrong(told, cases)), "\n".join(wrong)


def test_what_is_the_platforms_stays_as_it_is(developer, cluster):
    """Deleted with all of its kind, kept from being deleted, given to another owner, or without its label."""
    kinds = {"networkpolicies": "networking.k8s.io", "rolebindings": "rbac.authorization.k8s.io"}
    before = cluster.get(",".join(kinds), "-n", "resif")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "0"}
    changes = [
        {"finalizers": [fences.FINALIZER]},
        {"ownerReferences": [owner]},
        {"labels": {"saltk8s.io/set": None}},
        {"annotations": {"saltk8s.io/object": None}},
    ]
    for obj in before["items"]:
        title = f"{obj['kind']}/{obj['metadata']['name']}"
        for change in changes:
            done = developer("patch", title, "--type=merge", "-p", json.dumps({"metadata": change}))
            assert "the operators" in done.stderr, (title, change, done.stdout)
    for kind, group in kinds.items():
        developer("delete", "--raw", f"/apis/{group}/v1/namespaces/resif/{kind}")
    assert cluster.get(",".join(kinds), "-n", "resif")["items"] == before["items"]


def test_every_kind_that_a_tenant_can_make_is_counted(developer, cluster):
    hard = cluster.get("resourcequota", "tenant", "-n", "resif")["spec"]["hard"]
    assert fences.uncounted(developer, "resif", hard) == set()
