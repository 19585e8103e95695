"""What users may do, on a real API server."""

from __future__ import annotations

import pytest
from salt.exceptions import CommandExecutionError
from tests.support.apiserver import NOBODY_TOKEN


def test_who_may_do_what(apiserver, call):
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}
    apiserver.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "asked", "namespace": "default"},
            "rules": [rule],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "asked", "namespace": "default"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "asked"},
            "subjects": [
                {"kind": "Group", "name": "askers", "apiGroup": "rbac.authorization.k8s.io"},
                {"kind": "ServiceAccount", "name": "asker", "namespace": "default"},
            ],
        },
    )
    assert call("can_i", "delete", "nodes") is True
    jane = {"namespace": "default", "as_user": "jane", "as_group": "askers"}
    for word in ("deployments", "deployments.apps", "deploy", "Deployment"):
        assert call("can_i", "get", word, **jane) is True, word
    assert call("can_i", "delete", "deployments", **jane) is False
    assert call("can_i", "get", "deployments", **jane | {"namespace": "kube-system"}) is False
    assert call("can_i", "get", "deployments", **jane | {"namespace": None}) is False, "not in all namespaces"
    assert call("can_i", "get", "pods/log", **jane) is False
    assert call("can_i", "get", "deployments", **jane | {"as_group": None}) is False
    account = "system:serviceaccount:default:asker"
    assert call("can_i", "list", "deployments.apps", "default", as_user=account) is True
    assert call("can_i", "get", "/version", as_user="jane") is True
    assert call("can_i", "get", "/metrics", as_user="jane") is False
    rules = call("can_i", **jane)
    assert {"verbs": ["get", "list"], "resources": ["deployments.apps"], "names": []} in rules
    nobody = str(apiserver.kubeconfig_with("can-i", token=NOBODY_TOKEN))
    assert call("can_i", "get", "pods", kubeconfig=nobody) is False
    for args, more, text in (
        (("get", "deploymints"), {}, "does not know the resource deploymints"),
        (("get",), {}, "both a verb and a resource"),
        (("get", "pods"), {"as_group": ["askers"]}, "expected as_user with it"),
    ):
        with pytest.raises(CommandExecutionError, match=text):
            call("can_i", *args, **more)
