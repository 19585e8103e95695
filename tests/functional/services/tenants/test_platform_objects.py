"""The platform's objects in a tenant's namespace, and what of a tenant's could stop operators: a real API server."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.support import pillars, services
from tests.support.salt import ROOT
from tests.support.tenants import apply, ask, play_aggregation, run

POLICIES = ROOT / "salt" / "k8s" / "tenants" / "manifests" / "policies-platform.yaml"
PLURALS = {"NetworkPolicy": "networkpolicies"}
DEV, SPACE = "grp-resif-dev", "resif"
SET = {"saltk8s.io/set": "tenants"}


def thing(kind: str, name: str = "case", version: str = "v1", **more: Any) -> dict[str, Any]:
    """An object; labels, annotations and finalizers go into its metadata."""
    meta = {key: more.pop(key) for key in ("labels", "annotations", "finalizers", "managedFields") if key in more}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **meta}, **more}


def config_map(name: str = "case", **more: Any) -> dict[str, Any]:
    return thing("ConfigMap", name, **more)


def network_policy(name: str = "case", **more: Any) -> dict[str, Any]:
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"podSelector": {}}]}]}
    return thing("NetworkPolicy", name, "networking.k8s.io/v1", spec=spec, **more)


def role_binding(name: str) -> dict[str, Any]:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody-else"}]
    return thing("RoleBinding", name, "rbac.authorization.k8s.io/v1", roleRef=role, subjects=subjects)


def deployment(name: str = "case", **of_template: Any) -> dict[str, Any]:
    box = {"name": "main", "image": "registry.osug.example/resif/web:1"}
    meta = {"labels": {"app": "case", **of_template.pop("labels", {})}, **of_template}
    spec = {"selector": {"matchLabels": {"app": "case"}}, "template": {"metadata": meta, "spec": {"containers": [box]}}}
    return thing("Deployment", name, "apps/v1", spec=spec)


def budget(**spec: Any) -> dict[str, Any]:
    return thing("PodDisruptionBudget", version="policy/v1", spec={"selector": {"matchLabels": {"app": "x"}}, **spec})


def pod(grace_s: int = 30, **meta: Any) -> dict[str, Any]:
    box = {"name": "main", "image": "registry.osug.example/resif/web:1"}
    return thing("Pod", spec={"containers": [box], "terminationGracePeriodSeconds": grace_s}, **meta)


def cron_job(**meta: Any) -> dict[str, Any]:
    box = {"name": "main", "image": "registry.osug.example/resif/web:1"}
    template = {"metadata": meta, "spec": {"containers": [box], "restartPolicy": "Never"}}
    job = {"spec": {"template": template}}
    return thing("CronJob", version="batch/v1", spec={"schedule": "0 1 * * *", "jobTemplate": job})


ENTRY = {
    "manager": "saltk8s",
    "operation": "Apply",
    "apiVersion": "v1",
    "time": "2026-01-01T00:00:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:data": {}},
}
LEAVE_OUT = "begin with saltk8s.io/ belong to the platform: leave out saltk8s.io/"
HOOK = "commands around a backup belong to the operators: leave out"
DRAIN = "a PodDisruptionBudget must let nodes be drained"
GO = "a pod must go when its node is drained: "
TRACKING = "batch.kubernetes.io/job-tracking"
ALWAYS = {"unhealthyPodEvictionPolicy": "AlwaysAllow"}
K8UP = {
    "services": {"backup": {"engine": "k8up", "namespaces": {"include": ["gnss"]}}},
    "locations": {"gnss": {"nfs": {"server": "nfs.osug.example", "path": "/gnss"}}},
    "tenants": {
        "gnss": {"backup": {"location": "gnss", "encryption_password": "gnss's own password"}},
        "resif": {"backup": {"enabled": False}},
    },
}

CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
VOLUME = {"name": "location", "ephemeral": {"volumeClaimTemplate": {"spec": CLAIM}}}
EPHEMERAL = pod() | {"metadata": {"name": "backup"}}  # its claim is backup-location
EPHEMERAL["spec"]["volumes"] = [VOLUME]

REFUSED = [
    (network_policy("allow-to-internet", labels={"saltk8s.io/set": "mine"}), "the name allow-to-internet is reserved"),
    (network_policy("default-deny-2", labels=SET), LEAVE_OUT + "set"),
    (network_policy("allow-from-tenants"), "is reserved for the platform among the networkpolicies of a tenant"),
    (role_binding("tenant-edit"), "the name tenant-edit is reserved"),
    (role_binding("tenant-whatever"), "the name tenant-whatever is reserved"),
    (config_map("saltk8s-anything"), "the name saltk8s-anything is reserved"),
    (thing("Secret", "backup-location"), "the name backup-location is reserved"),
    (EPHEMERAL, "the name backup is reserved for the platform among the pods"),
    (config_map("stuck", labels=SET, finalizers=["evil.example/stay"]), LEAVE_OUT + "set"),
    (config_map(annotations={"saltk8s.io/object": "ConfigMap resif/case"}), LEAVE_OUT + "object"),
    (config_map(labels={"saltk8s.io/tenant": "x"}), LEAVE_OUT + "tenant"),
    (deployment(labels=SET), LEAVE_OUT + "set"),
    (deployment(annotations={"saltk8s.io/object": "Pod resif/case-0"}), LEAVE_OUT + "object"),
    (cron_job(labels=SET), LEAVE_OUT + "set"),
    (config_map(managedFields=[ENTRY]), "the field manager saltk8s belongs to the platform"),
    (budget(maxUnavailable=0, **ALWAYS), DRAIN),
    (budget(maxUnavailable="0%", **ALWAYS), DRAIN),
    (budget(maxUnavailable="00%", **ALWAYS), DRAIN),
    (budget(minAvailable=1, **ALWAYS), DRAIN),
    (budget(minAvailable="100%", **ALWAYS), DRAIN),
    (budget(maxUnavailable=1), DRAIN),
    (budget(maxUnavailable=1, unhealthyPodEvictionPolicy="IfHealthyBudget"), DRAIN),
    (deployment(finalizers=["x.example/stay"]), GO + "leave out the finalizer x.example/stay"),
    (cron_job(finalizers=["x.example/stay"]), GO + "leave out the finalizer x.example/stay"),
    (pod(finalizers=["x.example/stay"]), GO + "leave out the finalizer x.example/stay"),
    (pod(finalizers=[TRACKING]), GO + f"leave out the finalizer {TRACKING}"),
    (pod(grace_s=241), GO + "terminationGracePeriodSeconds of at most 240"),
    (deployment(annotations={"pre.hook.backup.velero.io/command": "x"}), HOOK + " pre.hook.backup.velero.io/command"),
    (deployment(annotations={"Post.Hook.Backup.velero.io/timeout": "1000h"}), HOOK),
    (deployment(annotations={"hook.backup.velero.io/command": "x"}), HOOK),
    (cron_job(annotations={"init.hook.restore.velero.io/command": "x"}), HOOK),
]
ALLOWED = [
    network_policy("web"),
    role_binding("mine"),
    config_map(labels={"app": "x"}, annotations={"example.org/saltk8s.io": "x"}),
    deployment(annotations={"backup.velero.io/backup-volumes": "data"}),
    cron_job(),
    pod(grace_s=240),
    budget(maxUnavailable=1, **ALWAYS),
    budget(maxUnavailable="10%", **ALWAYS),
]


@pytest.mark.parametrize(("obj", "message"), REFUSED, ids=lambda value: json.dumps(value)[:70])
def test_what_a_tenant_may_not_create(cluster, obj, message):
    done = ask(cluster, DEV, SPACE, obj)
    assert done.returncode == 1 and message in done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize("obj", ALLOWED, ids=lambda value: json.dumps(value)[:70])
def test_what_a_tenant_may_create(cluster, obj):
    done = ask(cluster, DEV, SPACE, obj)
    assert done.returncode == 0, done.stderr


def test_the_controller_of_jobs_tracks_its_pods(cluster):
    account = "system:serviceaccount:kube-system:job-controller"
    groups = ("system:serviceaccounts", "system:serviceaccounts:kube-system")
    words = [
        "create",
        "-n",
        SPACE,
        "--dry-run=server",
        "-f",
        "-",
        f"--as={account}",
        *(f"--as-group={g}" for g in groups),
    ]
    cluster.kubectl(*words, stdin=json.dumps(pod(finalizers=[TRACKING])))


@pytest.mark.parametrize(
    "words",
    [
        ("delete", "pod/ends", "--wait=false"),
        ("delete", "pods", "--all", "--wait=false"),
        ("create", "--raw", f"/api/v1/namespaces/{SPACE}/pods/ends/eviction", "-f", "-"),
    ],
    ids=" ".join,
)
def test_a_pod_ends_soon_whatever_its_deletion_says(cluster, words):
    """Once it is being deleted, an eviction does not shorten the time that it has."""
    path = f"/api/v1/namespaces/{SPACE}/pods/ends/binding"
    cluster.kubectl("apply", "-n", SPACE, "-f", "-", stdin=json.dumps(pod() | {"metadata": {"name": "ends"}}))
    bound = thing("Binding", "ends", target={"apiVersion": "v1", "kind": "Node", "name": "node"})
    cluster.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(bound))  # else it goes at once
    for seconds, refused in ((604800, GO + "terminationGracePeriodSeconds of at most 240"), (240, "")):
        obj = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "ends"}}
        obj["deleteOptions"] = {"gracePeriodSeconds": seconds}
        more = [] if words[0] == "create" else [f"--grace-period={seconds}"]
        done = run(cluster, DEV, *words, *more, "-n", SPACE, stdin=json.dumps(obj))
        assert (refused in done.stderr and done.returncode == 1) if refused else done.returncode == 0, done.stderr
    cluster.kubectl("delete", "-n", SPACE, "pod/ends", "--ignore-not-found", "--grace-period=0", "--force")


def test_what_k8up_makes_pods_of_has_no_label_of_the_platforms(cluster, make):
    """Its operator makes them, and is exempt."""
    rendered = services.rendered(make(K8UP), "backup").values()
    definitions = [one for one in rendered if one["kind"] == "CustomResourceDefinition"]
    cluster.apply(*definitions, *(one for one in rendered if one["kind"] == "ClusterRole"))
    names = [f"crd/{one['metadata']['name']}" for one in definitions]
    cluster.kubectl("wait", "--for=condition=Established", *names)
    play_aggregation(cluster)
    spec = {"containers": [{"name": "main", "image": "a"}]}
    for labels, refused in ((SET, LEAVE_OUT + "set"), ({"app": "a"}, "")):
        template = {"metadata": {"labels": labels}, "spec": spec}
        for kind, more in (
            ("PreBackupPod", {"backupCommand": "a", "pod": template}),
            ("PodConfig", {"template": template}),
        ):
            done = ask(cluster, DEV, SPACE, thing(kind, version="k8up.io/v1", spec=more))
            assert (refused in done.stderr and done.returncode == 1) if refused else done.returncode == 0, done.stderr


def test_administrators_are_exempt(cluster):
    for obj in (network_policy("allow-to-internet"), config_map(labels=SET), role_binding("tenant-view-2")):
        done = ask(cluster, "system:masters", SPACE, obj)
        assert done.returncode == 0, done.stderr


def test_the_field_manager_of_the_platform_is_not_for_tenants(cluster):
    words = ["apply", "--server-side", "-n", SPACE, "-f", "-"]
    text = json.dumps(config_map("applied", data={"a": "1"}))
    for more in (["--field-manager=saltk8s"], ["--field-manager=saltk8s", "--force-conflicts"]):
        done = run(cluster, DEV, *words, *more, stdin=text)
        assert done.returncode == 1 and "the field manager saltk8s belongs to the platform" in done.stderr
    assert run(cluster, DEV, *words, stdin=text).returncode == 0
    patched = ["patch", "configmap", "applied", "-n", SPACE, "--type=merge", "-p"]
    done = run(cluster, DEV, *patched, '{"data": {"a": "2"}}', "--field-manager=saltk8s")
    assert "the field manager saltk8s belongs to the platform" in done.stderr
    claimed = json.dumps({"metadata": {"managedFields": [ENTRY]}})
    assert "the field manager saltk8s belongs to the platform" in run(cluster, DEV, *patched, claimed).stderr
    assert run(cluster, DEV, *patched, '{"data": {"a": "2"}}').returncode == 0
    assert LEAVE_OUT in run(cluster, DEV, "label", "-n", SPACE, "configmap/applied", "saltk8s.io/set=tenants").stderr
    assert run(cluster, DEV, "delete", "-n", SPACE, "configmap/applied").returncode == 0


def test_the_field_manager_of_the_platform_is_not_for_subresources_either(cluster):
    told = "the field manager saltk8s belongs to the platform"
    cluster.kubectl("create", "-n", SPACE, "-f", "-", stdin=json.dumps(deployment("scaled")))
    patch = ["patch", "-n", SPACE, "deployment/scaled", "--type=merge", "-p"]
    scale = [*patch, '{"spec": {"replicas": 3}}', "--subresource=scale"]
    assert told in run(cluster, DEV, *scale, "--field-manager=saltk8s").stderr
    assert run(cluster, DEV, *scale).returncode == 0
    # an entry that is there, such as by a program of that name that scaled it, becomes no other
    cluster.kubectl(*scale[:-2], '{"spec": {"replicas": 4}}', "--subresource=scale", "--field-manager=saltk8s")
    entry = ENTRY | {"apiVersion": "apps/v1", "fieldsV1": {"f:spec": {"f:paused": {}}}}
    assert told in run(cluster, DEV, *patch, json.dumps({"metadata": {"managedFields": [entry]}})).stderr
    assert run(cluster, DEV, *patch, '{"spec": {"paused": true}}').returncode == 0
    assert run(cluster, DEV, "delete", "-n", SPACE, "deployment/scaled").returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ("delete", "networkpolicy/default-deny"),
        ("delete", "networkpolicies", "--all"),
        ("delete", "rolebinding/tenant-view"),
        ("label", "networkpolicy/default-deny", "saltk8s.io/set-"),
        ("annotate", "networkpolicy/default-deny", "saltk8s.io/object-"),
        ("patch", "networkpolicy/default-deny", "--type=merge", "-p", '{"metadata": {"finalizers": ["x.example/y"]}}'),
        ("patch", "rolebinding/tenant-view", "--type=merge", "-p", '{"subjects": null}'),
    ],
    ids=" ".join,
)
def test_the_platforms_objects_are_not_changed(cluster, words):
    done = run(cluster, DEV, words[0], "-n", SPACE, *words[1:])
    assert done.returncode == 1 and "belongs to the platform; the operators change it" in done.stderr, done.stderr


def test_an_object_with_the_label_from_before_the_fence_can_be_changed_and_cleaned(cluster):
    cluster.kubectl("create", "-n", SPACE, "-f", "-", stdin=json.dumps(config_map("old", labels=SET, data={"a": "1"})))
    for words in (
        ("patch", "--type=merge", "-p", '{"data": {"a": "2"}}'),
        ("label", "saltk8s.io/set-"),
        ("delete",),
    ):
        done = run(cluster, DEV, words[0], "-n", SPACE, "configmap/old", *words[1:])
        assert done.returncode == 0, done.stderr


def test_an_object_that_is_being_deleted_is_judged_and_its_finalizer_can_be_removed(cluster):
    obj = network_policy("dying", finalizers=["evil.example/stay"])
    assert run(cluster, DEV, "create", "-n", SPACE, "-f", "-", stdin=json.dumps(obj)).returncode == 0
    assert run(cluster, DEV, "delete", "-n", SPACE, "networkpolicy/dying", "--wait=false").returncode == 0
    patch = ["patch", "-n", SPACE, "networkpolicy/dying", "--type=merge", "-p"]
    for spec in ({"egress": [{}]}, {"policyTypes": ["Ingress"], "ingress": [{}], "egress": None}):
        done = run(cluster, DEV, *patch, json.dumps({"spec": spec}))
        assert "may open for its own pods only" in done.stderr, done.stdout
    done = run(cluster, DEV, *patch, '{"metadata": {"finalizers": null}}')
    assert done.returncode == 0, done.stderr


def test_what_was_made_before_the_fence_is_replaced_by_the_platforms(cluster, make):
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}
    foreign = network_policy("allow-to-internet", labels={"saltk8s.io/set": "mine"}, finalizers=["evil.example/stay"])
    for obj in (foreign | {"spec": spec}, role_binding("tenant-edit")):
        cluster.kubectl("delete", "-n", "gnss", "--ignore-not-found", obj["kind"].lower(), obj["metadata"]["name"])
        cluster.kubectl("create", "-n", "gnss", "-f", "-", stdin=json.dumps(obj))
    opened = make({"tenants": {"gnss": {"opens": {"internet": True}, "editors": ["grp-gnss-ops"]}}})
    done = apply(opened)
    assert done["result"] is True, done["comment"]
    live = cluster.get("networkpolicy", "allow-to-internet", "-n", "gnss")
    assert live["metadata"]["labels"] == SET and "finalizers" not in live["metadata"]
    assert live["spec"]["egress"][0]["to"][0]["ipBlock"]["cidr"] == "0.0.0.0/0"
    assert cluster.get("rolebinding", "tenant-edit", "-n", "gnss")["roleRef"]["name"] == "edit"
    again = apply(opened)
    assert again["result"] is True and again["changes"] == {}, again["comment"]
    assert apply(make())["result"] is True


RESERVED = (
    re.search(r"'\^\((.*?)\)\$'", POLICIES.read_text(), re.DOTALL).group(1).replace("'\n        + '", ""),
    "[^/]+/saltk8s-.*",
)
ENGINES = (
    ("tenants", {}),
    ("backup", {"services": {"backup": {"engine": "velero"}}}),
    ("backup", K8UP),
)


@pytest.mark.parametrize(("service", "patch"), ENGINES, ids=lambda value: json.dumps(value)[:60])
def test_every_name_that_a_formula_uses_in_a_tenants_namespace_is_reserved(make, service, patch):
    opens = {"internet": True, "from": ["ist-web"], "to": {"tenants": ["ist-web"], "networks": ["10.30.0.5/32"]}}
    everyone = {"admins": ["a"], "editors": ["b"], "viewers": ["c"]}
    own = {"opens": opens, "hosts": ["*.gnss.osug.example"], "backup": {"keep": "90d"}, **everyone}
    enabled = {"services": {service: {"enabled": True}}, "tenants": {"gnss": own}}
    minion = make(pillars.merge(patch, enabled))
    found = {
        f"{PLURALS.get(obj['kind'], obj['kind'].lower() + 's')}/{obj['metadata']['name']}"
        for obj in services.rendered(minion, service).values()
        if obj["metadata"].get("namespace") == "gnss"
    }
    assert found or service == "backup"
    assert [name for name in sorted(found) if not re.fullmatch("|".join(RESERVED), name)] == []
