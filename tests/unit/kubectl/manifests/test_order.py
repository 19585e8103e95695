"""The order of writing and of deleting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from saltk8s.kubectl.manifests import identity, order
from tests.support import kubectl as objects
from tests.support.kubectl import declare


def test_order_of_writing_and_deleting():
    declared = declare(
        objects.deployment("d"),
        objects.custom("Thing", "a.org", "t"),
        objects.config_map("c"),
        objects.namespace("n"),
        objects.definition("Thing", "a.org"),
        objects.secret("s"),
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}},
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "w"},
        },
    )
    waves = order.writing_waves(declared)
    assert [[key.kind for key in wave] for wave in waves] == [
        ["Namespace", "CustomResourceDefinition"],
        ["ClusterRole", "ConfigMap", "Secret"],
        ["Deployment"],
        ["Thing"],
        ["ValidatingWebhookConfiguration"],
    ]
    assert [order.has_foundations(wave) for wave in waves] == [True, False, False, False, False]
    waves = [[key.kind for key in wave] for wave in order.deletion_waves(declared)]
    assert waves == [
        ["Thing"],
        ["ValidatingWebhookConfiguration", "Deployment", "Secret", "ConfigMap", "ClusterRole"],
        ["CustomResourceDefinition", "Namespace"],
    ]


@given(st.permutations([identity.Key("", kind, "n", name) for kind in ("Pod", "Secret", "Node") for name in "abc"]))
def test_order_does_not_depend_on_the_input(keys):
    assert order.sort(keys) == order.sort(sorted(keys))
