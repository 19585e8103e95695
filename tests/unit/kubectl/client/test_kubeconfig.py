"""A kubeconfig that is unusable says why."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.client import kubeconfig


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("a: [1, }", "is not valid YAML (line 1)"),
        ("a: {canary: [\n", "is not valid YAML (line 2)"),
        ("canary", "it has no contexts"),
        ("{}", "has no current context: it has no contexts"),
        ("{current-context: a, contexts: [{name: b}]}", "has no context 'a': its contexts are b"),
        (
            "{current-context: b, contexts: [{name: b, context: {cluster: x}}], clusters: [{name: y}]}",
            "its context 'b' names the cluster 'x', which does not exist: its clusters are y",
        ),
        (
            "{current-context: b, contexts: [{name: b, context: {cluster: x, user: u}}], clusters: [{name: x}]}",
            "names the user 'u', which does not exist: it has no users",
        ),
        (
            "{current-context: b, contexts: [{name: b, context: {cluster: x}}], clusters: [{name: x, cluster: {}}]}",
            "its cluster 'x' has no server",
        ),
        (
            "{current-context: b, contexts: [{name: b, context: {cluster: x, user: admin}}], users: [{name: admin}], "
            'clusters: [{name: x, cluster: {server: "https://10.0.0.1:6443"}}]}',
            "its user 'admin' has no credentials",
        ),
    ],
)
def test_an_unusable_kubeconfig_says_why(tmp_path, text, problem):
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(kubeconfig.BadKubeconfig) as raised:
        kubeconfig.check(str(path), None)
    assert problem in str(raised.value) and str(path) in str(raised.value) and "canary" not in str(raised.value)
