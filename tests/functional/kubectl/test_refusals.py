"""What admission rejects is about the object: it is named, with the other wrong ones, whatever the rejection says.

Policies and webhooks answer with any code and reason, and with messages that hold the words of every other error.
"""

from __future__ import annotations

import itertools
import json

import pytest
from salt.exceptions import CommandExecutionError
from tests.functional.kubectl.test_faults import hooked
from tests.support import kubectl as objects
from tests.support.apiserver import NOBODY_TOKEN
from tests.support.fault_sets import until

CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    418: "Short And Stout",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
MESSAGES = [
    "numbers must be even",
    'pods is forbidden: User "jane" cannot get resource "pods" in API group ""',
    'User "jane" cannot list resource "pods"',
    "the server has asked for the client to provide credentials",
    "You must be logged in to the server (Unauthorized)",
    "the condition timed out: i/o timeout, context deadline exceeded",
    "The connection to the server 127.0.0.1:1 was refused: connection refused, EOF",
    "unable to create new content in namespace default because it is being terminated",
    'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.a',
    'no matches for kind "Pool" in version "example.org/v1"',
    'failed calling webhook "other.example.org": failed to call webhook: EOF',
    "Internal error occurred: etcdserver: no leader",
    'error loading config file "/etc/x": open /etc/x: permission denied',
    "tls: failed to verify certificate: x509: certificate has expired",
    "the server is currently unable to handle the request, too many requests",
    'strict decoding error: unknown field "spec.sizes"',
]
SEVERAL_LINES = [
    'not this\nError from server (Forbidden): pods is forbidden: User "jane" cannot list',
    "not this\nUnable to connect to the server: EOF",
    "not this\npanic: runtime error\n\ngoroutine 1 [running]:",
]


def rejected(minion, server, name, *declared, kubeconfig=None, **kwargs):
    """Apply a set in both modes; both fail with the same words. Returns the error of the real run."""
    mark, answers = server.mark(), []
    for test in (True, False):
        with pytest.raises(CommandExecutionError) as raised:
            given = {"kubeconfig": str(kubeconfig or server.kubeconfig), "wait": False, "test": test} | kwargs
            minion.call("kubectl.apply", name, objects=list(declared), **given)
        answers.append(raised.value)
    assert [request for request in server.requests(mark) if request.write] == []
    assert str(answers[0]) == str(answers[1]) and answers[0].details == answers[1].details
    return answers[1]


def parts(items, size=9):
    return [items[start : start + size] for start in range(0, len(items), size)]


def asks(name, namespace, **data):
    """A ConfigMap that says itself how it is to be rejected."""
    return objects.config_map(name, namespace, **data)


def test_a_webhook_rejects_with_any_code_reason_and_words(own_apiserver, own_minion, webhook):
    def answer(obj, dry):
        status = {key: value for key, value in obj["data"].items() if value}
        return (status | {"code": int(status["code"])} if "code" in status else status) or None

    webhook.answer = lambda obj, dry: None
    hooked(own_apiserver, webhook, "hook-any")
    webhook.answer = answer
    words = itertools.cycle([*MESSAGES, *SEVERAL_LINES])
    how = [(code, reason) for code, named in CODES.items() for reason in (named, "")] + [(0, "Forbidden"), (0, "")]
    wrong = [
        asks(f"w{number}", "hook-any", code=str(code or ""), reason=reason, message=next(words))
        for number, (code, reason) in enumerate(how)
    ]
    right = asks("right", "hook-any", code="", reason="", message="")
    for number, part in enumerate(parts(wrong)):
        error = rejected(own_minion, own_apiserver, f"hook-any-{number}", right, *part)
        assert error.details["error"] == "invalid" and error.details["webhook"] == "hook-any.example.org"
        for obj in part:
            title = f"ConfigMap hook-any/{obj['metadata']['name']}"
            first = obj["data"]["message"].splitlines()[0]
            line = f"{title}: the admission webhook 'hook-any.example.org' denied the request: {first}"
            assert line in str(error), f"{line}\nnot in\n{error}"


POLICIES = (None, "Forbidden", "Invalid", "RequestEntityTooLarge")


def policy(reason):
    """A policy, and its binding, that rejects what asks for it with that reason and the words that it brings."""
    name, group = f"any-{str(reason).lower()}", "admissionregistration.k8s.io/v1"
    validation = {"expression": "false", "messageExpression": "string(object.data.message)"}
    validation |= {"reason": reason} if reason else {}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}
    chosen = {"matchLabels": {"kubernetes.io/metadata.name": "policies"}}
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "matchConditions": [{"name": "asked", "expression": f"object.data.?policy.orValue('') == '{reason}'"}],
        "validations": [validation],
    }
    binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": chosen}}
    return [
        {"apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec},
        {"apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": binding},
    ]


def test_a_policy_rejects_with_any_reason_and_words(own_apiserver, own_minion):
    own_apiserver.apply(objects.namespace("policies"), *(obj for reason in POLICIES for obj in policy(reason)))
    wrong = [
        asks(f"p{number}", "policies", policy=str(POLICIES[number % len(POLICIES)]), message=message)
        for number, message in enumerate([*MESSAGES, *reversed(MESSAGES)])
    ]

    def in_force(reason):
        tried = {"kubeconfig": str(own_apiserver.kubeconfig), "wait": False, "test": True}
        probe = asks("probe", "policies", policy=str(reason), message="no")
        return own_minion.state("kubectl.applied", "probe", objects=[probe], **tried)["result"] is not None

    for reason in POLICIES:
        until(lambda asked=reason: in_force(asked), f"the policy {reason} to be in force")
    right = asks("right", "policies", a="1")
    for number, part in enumerate(parts(wrong)):
        error = rejected(own_minion, own_apiserver, f"policies-{number}", right, *part)
        assert error.details["error"] == "invalid"
        for obj in part:
            title, name = f"ConfigMap policies/{obj['metadata']['name']}", f"any-{obj['data']['policy'].lower()}"
            denied = f"ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request"
            line = f"{title}: {denied}: {obj['data']['message']}"
            assert line in str(error), f"{line}\nnot in\n{error}"


def claim(size, name="data"):
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "fixed", "resources": {"requests": {"storage": size}}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def pod(name, namespace, **spec):
    container = {"name": "c", "image": "i", "resources": {"limits": {"cpu": "2"}}}
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container], **spec}}


def role(kind, name, **more):
    meta = {"name": name, "namespace": "default"} if kind in ("Role", "RoleBinding") else {"name": name}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": meta, **more}


def of_namespace(kind, name, namespace, **spec):
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, "spec": spec}


def builder(server):
    """A user who may write all that the test writes, and nothing else; returns the kubeconfig."""
    written = ["configmaps", "pods", "persistentvolumeclaims", "namespaces", "roles", "rolebindings"]
    verbs = ["get", "list", "watch", "create", "update", "patch", "delete"]
    rule = {"apiGroups": ["", "rbac.authorization.k8s.io"], "resources": written, "verbs": verbs}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "builders"}
    group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "builders"}
    server.apply(
        role("ClusterRole", "builders", rules=[rule]),
        role("ClusterRoleBinding", "builders", roleRef=ref, subjects=[group]),
    )
    return server.kubeconfig_by_certificate("jane", 600, groups="builders")


def test_everything_that_is_forbidden_of_an_object_is_named_in_one_error(own_apiserver, own_minion):
    server, restricted = own_apiserver, {"pod-security.kubernetes.io/enforce": "restricted"}
    storage = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fixed"}}
    safe = objects.namespace("safe")
    safe["metadata"]["labels"] = restricted
    limits = [{"type": "Container", "max": {"cpu": "1"}}]
    server.apply(
        *(objects.namespace(name) for name in ("limited", "full", "ending")),
        safe,
        storage | {"provisioner": "example.org/none"},
        of_namespace("LimitRange", "small", "limited", limits=limits),
        of_namespace("ResourceQuota", "few", "full", hard={"configmaps": "1"}),
    )
    server.set_status("resourcequota", "few", {"hard": {"configmaps": "1"}, "used": {"configmaps": "1"}}, "full")
    server.kubectl("delete", "namespace", "ending", "--wait=false")
    kubeconfig = builder(server)
    own_minion.call("kubectl.apply", "forbidden", objects=[claim("1Gi")], kubeconfig=str(kubeconfig), wait=False)
    server.set_status(
        "pvc", "data", {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    )
    admin = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    secrets = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    expected = {
        "PersistentVolumeClaim default/data": (claim("2Gi"), "only dynamically provisioned pvc can be resized"),
        "Pod limited/big": (pod("big", "limited"), "maximum cpu usage per Container is 1, but limit is 2"),
        "ConfigMap full/more": (objects.config_map("more", "full"), "exceeded quota: few"),
        "Pod safe/unsafe": (pod("unsafe", "safe"), 'violates PodSecurity "restricted'),
        "Pod default/first": (pod("first", "default", priorityClassName="nope"), "no PriorityClass with name nope"),
        "Role default/more": (role("Role", "more", rules=[secrets]), 'user "jane" (groups=["builders"'),
        "RoleBinding default/all": (role("RoleBinding", "all", roleRef=admin), "attempting to grant RBAC permissions"),
        "ConfigMap ending/late": (objects.config_map("late", "ending"), "the namespace ending is being deleted since"),
        "ConfigMap default/Upper": (objects.config_map("Upper"), "metadata.name: "),
    }
    declared = [obj for obj, _ in expected.values()]
    error = rejected(own_minion, server, "forbidden", *declared, objects.config_map("fine"), kubeconfig=kubeconfig)
    assert error.details["error"] == "invalid", error.details
    for title, (_, text) in expected.items():
        (line,) = [line for line in str(error).splitlines() if line.startswith(f"{title}: ")]
        assert text in line, line
    for title, (obj, _) in expected.items():  # and each of them alone is the same error
        if title != "ConfigMap ending/late":
            own = [obj] if obj["kind"] == "PersistentVolumeClaim" else [claim("1Gi"), obj]
            alone = rejected(own_minion, server, "forbidden", *own, kubeconfig=kubeconfig)
            assert alone.details["error"] == "invalid" and str(alone).startswith(f"{title}: "), alone


@pytest.mark.parametrize("who", ["nobody", "reader", "account", "anonymous"])
def test_the_user_who_may_not_is_about_the_user(own_apiserver, own_minion, who):
    server = own_apiserver
    if who == "nobody":
        kubeconfig, name = server.kubeconfig_with("nobody", token=NOBODY_TOKEN), "nobody"
    elif who == "reader":
        server.kubectl("create", "clusterrolebinding", "readers", "--clusterrole=view", "--group=readers")
        kubeconfig, name = server.kubeconfig_by_certificate("rita", 600, groups="readers"), "rita"
    elif who == "account":
        server.kubectl("create", "serviceaccount", "poor")
        token = server.kubectl("create", "token", "poor").strip()
        kubeconfig, name = server.kubeconfig_with("poor", token=token), "system:serviceaccount:default:poor"
    else:
        kubeconfig, name = server.kubeconfig_with("anonymous"), "system:anonymous"
        found = json.loads(kubeconfig.read_text())
        found["users"][0]["user"]["as"] = name
        kubeconfig.write_text(json.dumps(found))
    declared = [objects.config_map(f"mine-{number}", a="1") for number in range(3)]
    error = rejected(own_minion, server, "mine", *declared, kubeconfig=kubeconfig)
    assert error.details["error"] == "forbidden" and ": forbidden: " in str(error)
    if who != "anonymous":  # may not even ask what there is, and kubectl does not pass on why
        assert f'User "{name}" cannot ' in str(error)


def test_a_user_without_credentials(own_apiserver, own_minion):
    kubeconfig = own_apiserver.kubeconfig_with("anonymous", token="")
    error = rejected(own_minion, own_apiserver, "mine", objects.config_map("mine"), kubeconfig=kubeconfig)
    assert error.details["error"] == "kubeconfig" and "its user 'test' has no credentials" in str(error)
