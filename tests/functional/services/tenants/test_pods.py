"""A tenant's pods and claims on a real API server: volumes, placement, limits, what quotas count, and events."""

from __future__ import annotations

import copy
import json
import subprocess

import pytest
import yaml
from tests.support import services, tutorial
from tests.support.salt import ROOT
from tests.support.tenants import ask, run, until_true

CASES = yaml.safe_load((ROOT / "tests" / "cases" / "tenants-pods.yaml").read_text())
IMAGE = "registry.osug.example/library/web:1"
GROUP, SPACE = "grp-resif-dev", "resif"
MOUNTABLE = {"configMap", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
KINDS = {
    "Pod": "v1",
    "ReplicationController": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
}


def workload(kind: str, spec: dict, box: dict | None = None) -> dict:
    """An object of a kind that holds a pod: a plain one, spec over it, box over its container."""
    pod = {"containers": [{"name": "main", "image": IMAGE} | (box or {})]} | spec
    meta = {"name": "case"}
    labels = {"app": "case"}
    if "Job" in kind:
        pod = {"restartPolicy": "Never"} | pod
    template = {"metadata": {"labels": labels}, "spec": pod}
    wrapped = {
        "Pod": pod,
        "ReplicationController": {"selector": labels, "template": template},
        "Job": {"template": template},
        "CronJob": {"schedule": "0 1 * * *", "jobTemplate": {"spec": {"template": template}}},
    }.get(kind, {"selector": {"matchLabels": labels}, "template": template})
    wrapped |= {"serviceName": "case"} if kind == "StatefulSet" else {}
    return {"apiVersion": KINDS[kind], "kind": kind, "metadata": meta, "spec": wrapped}


def claim(spec: dict | None = None, **meta) -> dict:
    """A claim of the class san, spec over it; what is null goes."""
    whole = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "san",
        "resources": {"requests": {"storage": "1Gi"}},
    } | (spec or {})
    kept = {key: value for key, value in whole.items() if value is not None}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "case"} | meta, "spec": kept}


def judge(done, refused: str | None) -> None:
    """The answer to a request is what a case expects."""
    if refused:
        assert done.returncode == 1 and refused in done.stderr, done.stdout + done.stderr
    else:
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES["pods"], ids=lambda case: json.dumps(case)[:60])
def test_what_a_pod_may_say_in_whatever_holds_it(cluster, case, kind):
    judge(ask(cluster, GROUP, SPACE, workload(kind, case.get("spec", {}), case.get("box"))), case.get("refused"))


@pytest.mark.parametrize("case", CASES["limits"], ids=lambda case: json.dumps(case)[:60])
def test_what_limits_and_pod_security_say(cluster, case):
    judge(ask(cluster, GROUP, SPACE, workload("Pod", case.get("spec", {}), case.get("box"))), case.get("refused"))


@pytest.mark.parametrize("case", CASES["claims"], ids=lambda case: json.dumps(case["spec"])[:60])
def test_what_a_claim_may_say(cluster, case):
    group, space = case.get("as", GROUP), case.get("of", SPACE)
    judge(ask(cluster, group, space, claim(case["spec"], annotations=case.get("annotations", {}))), case.get("refused"))
    held = workload("StatefulSet", {})
    held["spec"]["volumeClaimTemplates"] = [claim(case["spec"], annotations=case.get("annotations", {}))]
    # a template without a class gets the cluster's default; the LimitRange looks at claims, not at templates
    told = (case.get("refused") or "").startswith("maximum") or case["spec"] == {"storageClassName": None}
    if not told or case.get("annotations"):
        judge(ask(cluster, group, space, held), case.get("refused"))


def test_every_kind_of_volume_that_the_api_server_knows_is_allowed_or_refused(cluster):
    schemas = json.loads(cluster.kubectl("get", "--raw", "/openapi/v3/api/v1"))["components"]["schemas"]
    kinds = set(schemas["io.k8s.api.core.v1.Volume"]["properties"]) - {"name"}
    assert len(kinds) >= 30 and kinds >= MOUNTABLE
    words = ["create", "-n", SPACE, "--dry-run=server", "-o", "json", "-f", "-"]
    passed = {}
    for kind in sorted(kinds - MOUNTABLE):
        source = sample(schemas, schemas["io.k8s.api.core.v1.Volume"]["properties"][kind])
        held = workload("Deployment", {"volumes": [{"name": "data", kind: source}]})
        done = run(cluster, GROUP, *words, stdin=json.dumps(held))
        # the API server drops a volume whose kind is behind a feature gate that is off
        dropped = done.returncode == 0 and "volumes" not in json.loads(done.stdout)["spec"]["template"]["spec"]
        if not dropped and f"the volume data ({kind}) is of a kind" not in done.stderr:
            passed[kind] = done.stderr
    assert passed == {}


def sample(schemas: dict, schema: dict) -> object:
    """A small value of a schema: what it requires."""
    for ref in [schema, *schema.get("allOf", ())]:
        if "$ref" in ref:
            schema = schemas[ref["$ref"].rsplit("/", 1)[1]]
    if schema.get("type") == "object":
        wanted = {*schema.get("required", ()), *(FIRST.keys() & schema.get("properties", {}).keys())}
        return {key: FIRST.get(key) or sample(schemas, schema["properties"][key]) for key in wanted}
    return {"string": "x", "integer": 1, "boolean": True, "array": ["x"]}[schema["type"]]


# values that the API server's validation wants, by field
FIRST = {
    "datasetName": "x",
    "diskURI": "/subscriptions/x",
    "lun": 1,
    "path": "/x",
    "kind": "Managed",
    "targetPortal": "10.0.0.1",
    "iqn": "iqn.2001-04.com.example:storage",
    "targetWWNs": ["x"],
    "reference": "x",
    "gateway": "x",
    "registry": "x:1",
    "volumeName": "x",
    "secretRef": {"name": "x"},
}


def test_a_privileged_tenant_is_exempt_from_the_list_of_volumes_by_its_level(cluster):
    level = ["label", "--overwrite", "namespace/karst"]
    cluster.kubectl(*level, "pod-security.kubernetes.io/enforce=privileged")
    mounts = workload("Pod", {"volumes": [{"name": "host", "hostPath": {"path": "/var/run"}}]})
    anywhere = workload("Pod", {"tolerations": [{"operator": "Exists"}]})
    until_true(lambda: ask(cluster, "grp-karst", "karst", mounts).returncode == 0)
    judge(ask(cluster, "grp-karst", "karst", anywhere), "a toleration of every taint")
    cluster.kubectl(*level, "pod-security.kubernetes.io/enforce=baseline")
    until_true(
        lambda: (
            "of a kind that a node mounts" in ask(cluster, "grp-karst", "karst", workload("Job", mounts["spec"])).stderr
        )
    )


def test_pods_and_claims_of_controllers(cluster):
    words = ["-n", SPACE, "create", "--dry-run=server", "-f", "-"]
    # as the DaemonSet controller makes it
    ever = ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
    spec = {"tolerations": [{"key": f"node.kubernetes.io/{name}", "operator": "Exists"} for name in ever]}
    made = controller(cluster, "daemon-set-controller", *words, stdin=json.dumps(workload("Pod", spec)))
    judge(made, None)
    # what a controller makes of a tenant's template is judged as the tenant's
    stolen = json.dumps(claim({"volumeName": "backup-ige"}))
    made = controller(cluster, "statefulset-controller", *words, stdin=stolen)
    judge(made, "volumeName backup-ige chooses an existing volume")


def test_the_binder_alone_gives_a_claim_its_volume(cluster):
    bound = claim({"storageClassName": "", "volumeName": "backup-resif"})
    # administrators, and with them the programs that restore backups
    judge(ask(cluster, "system:masters", SPACE, bound), None)
    judge(run(cluster, GROUP, "create", "-n", SPACE, "-f", "-", stdin=json.dumps(claim())), None)
    patch = ["patch", "-n", SPACE, "pvc/case", "--type=merge", "-p"]
    taken = run(cluster, GROUP, *patch, json.dumps({"spec": {"volumeName": "backup-ige"}}))
    judge(taken, "volumeName backup-ige chooses an existing volume")
    judge(controller(cluster, "persistent-volume-binder", *patch, json.dumps({"spec": {"volumeName": "pvc-1"}})), None)
    judge(run(cluster, GROUP, *patch, json.dumps({"metadata": {"labels": {"kept": "yes"}}})), None)
    cluster.kubectl("delete", "-n", SPACE, "pvc/case", "--wait=false")


def controller(cluster, name: str, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess:
    """Run kubectl as one of the cluster's controllers, with rights that these have."""
    rule = {"apiGroups": [""], "resources": ["persistentvolumeclaims", "pods"]}
    rule["verbs"] = ["create", "get", "patch", "update"]
    group = "system:serviceaccounts:kube-system"
    subject = {"kind": "Group", "name": group, "apiGroup": "rbac.authorization.k8s.io"}
    meta = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "played-controllers"}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "played-controllers"}
    cluster.apply(
        {**meta, "kind": "ClusterRole", "rules": [rule]},
        {**meta, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [subject]},
    )
    identity = [f"--as=system:serviceaccount:kube-system:{name}", f"--as-group={group}"]
    argv = [cluster.kubectl_path, "--kubeconfig", str(cluster.kubeconfig), *identity, *words]
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def test_a_pod_that_is_being_deleted_is_judged_and_gives_up_its_finalizer(cluster):
    held = workload("Deployment", {})
    held["metadata"]["finalizers"] = ["resif.example/held"]
    judge(run(cluster, GROUP, "create", "-n", SPACE, "-f", "-", stdin=json.dumps(held)), None)
    judge(run(cluster, GROUP, "delete", "-n", SPACE, "deployment/case", "--wait=false"), None)
    changed = copy.deepcopy(held)
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "elsewhere.example/web:1"
    judge(
        run(cluster, GROUP, "replace", "-n", SPACE, "-f", "-", stdin=json.dumps(changed)), "the image elsewhere.example"
    )
    changed = copy.deepcopy(held)
    changed["spec"]["template"]["spec"] |= {"nodeName": "k8s-cp1"}
    judge(
        run(cluster, GROUP, "replace", "-n", SPACE, "-f", "-", stdin=json.dumps(changed)), "nodeName k8s-cp1 passes by"
    )
    freed = json.dumps({"metadata": {"finalizers": None}})
    judge(run(cluster, GROUP, "patch", "-n", SPACE, "deployment/case", "--type=merge", "-p", freed), None)


def test_a_tenant_binds_no_pod_to_a_node(cluster):
    for words in (["bindings"], ["pods", "--subresource=binding"]):
        assert run(cluster, GROUP, "auth", "can-i", "create", *words, "-n", SPACE).stdout.strip() == "no"


def test_all_that_a_tenant_may_create_is_counted(cluster, make):
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": SPACE}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    done = run(cluster, GROUP, "create", "--raw", path, "-f", "-", stdin=json.dumps(review))
    rules = json.loads(done.stdout)["status"]["resourceRules"]
    backup = {"enabled": True, "engine": "k8up", "namespaces": {"include": ["site"]}}
    no_own = {"tenants": {SPACE: {"backup": {"enabled": False}}}}
    k8up = services.rendered(make({"services": {"backup": backup}} | no_own), "backup")
    rules += [rule for title, obj in k8up.items() if title == "ClusterRole k8up:edit" for rule in obj["rules"]]
    created = {
        f"{resource}.{group}".rstrip(".")
        for rule in rules
        if "create" in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if "/" not in resource
    }
    counted = {
        key.removeprefix("count/") for key in cluster.get("resourcequota", "tenant", "-n", SPACE)["spec"]["hard"]
    }
    # not stored: questions about rights, and the old group; not counted by any quota: events, which have a policy
    nowhere = {"localsubjectaccessreviews.authorization.k8s.io", "events"}
    nowhere |= {name for name in created if name.startswith("self") or name.endswith(".extensions")}
    assert created - counted - nowhere == set()
    assert {"controllerrevisions.apps", "pods"} <= counted


def test_the_tutorials_objects_run_under_restricted(cluster):
    objects = [obj for path in tutorial.OBJECTS.glob("*.yaml") for obj in yaml.safe_load_all(path.read_text())]
    workloads = [obj for obj in objects if obj["kind"] in KINDS and obj["metadata"]["name"] != "too-big"]
    assert len(workloads) == 6
    for obj in workloads:
        done = ask(cluster, "grp-sismo", "sismo-alerts", obj)
        judge(done, None)
        assert "Warning" not in done.stderr
    as_root = ask(cluster, "grp-sismo", "sismo-alerts", workload("Pod", {}))
    judge(as_root, 'violates PodSecurity "restricted:latest"')
    assert "would violate PodSecurity" in ask(cluster, GROUP, SPACE, workload("Deployment", {})).stderr


def test_a_full_quota_refuses_the_next_object(cluster):
    hard = cluster.get("resourcequota", "tenant", "-n", "lte")["spec"]["hard"]
    used = dict.fromkeys(hard, "0") | {"count/configmaps": str(int(hard["count/configmaps"]) - 1)}
    cluster.set_status("resourcequota", "tenant", {"hard": hard, "used": used}, "lte")
    made = [
        run(cluster, "grp-lte", "create", "-n", "lte", "configmap", name, "--from-literal=a=b") for name in ("a", "b")
    ]
    judge(made[0], None)
    judge(made[1], "exceeded quota: tenant, requested: count/configmaps=1, used: count/configmaps=100, limited")
    cluster.kubectl("delete", "-n", "lte", "configmap/a")


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({"message": "started"}, None),
        ({"message": "x" * 1025}, "no text above 1024 characters"),
        ({"reportingComponent": "x" * 2000}, "no text above 1024 characters"),
        ({"source": {"component": "x" * 2000}}, "no text above 1024 characters"),
        ({"metadata": {"name": "case", "annotations": {"a": "b"}}}, "an event may have no labels, annotations"),
        ({"metadata": {"name": "case", "finalizers": ["a.example/b"]}}, "an event may have no labels, annotations"),
        ({"metadata": {"name": "case", "labels": {"a": "b"}}}, "an event may have no labels, annotations"),
    ],
)
def test_an_event_of_a_tenant_is_small(cluster, more, refused):
    about = {"kind": "Pod", "name": "case", "namespace": SPACE}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "case"}, "involvedObject": about} | more
    judge(ask(cluster, GROUP, SPACE, event), refused)
    judge(ask(cluster, "system:masters", SPACE, event), None)
