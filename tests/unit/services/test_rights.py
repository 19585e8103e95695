"""The accounts of the platform: each power beyond its own objects stands in docs/security.md, with its reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from saltk8s.kubectl.manifests import manifest
from saltk8s.pillar import model as models
from tests.support import outputs, pillars, rights, services

ROW = re.compile(r"^\| `([a-z0-9-]+/[a-z0-9*-]+)` \| ([A-Za-z ]+) \| (.+?) \| (.+?) \|$", re.M)
PAGE = (services.ROOT / "docs" / "security.md").read_text(encoding="utf-8")
# what the pillar names: a namespace, an export
NAMED = {"intranet": "its namespaces", "traefik": "its namespaces"}


def told() -> dict[tuple[str, str, str], str]:
    """The rows of the page: account, power and place -> reason."""
    return {(account, power, where.strip("`")): why for account, power, where, why in ROW.findall(PAGE)}


def rendered() -> set[tuple[str, str, str]]:
    """What the accounts of every service hold, in every case."""
    found = set()
    for path in sorted(services.CASES.glob("*.yaml")):
        for case in services.case_file(path.stem)["cases"].values():
            model = models.build(pillars.defaults(), services.tree(path.stem, case, Path("/nonexistent")))
            model["minion"] = {"id": model["cluster"]["admin"], "roles": ["admin"]}
            texts = outputs.manifests(model, path.stem).items()
            found |= rights.held(
                one.obj for name, text in texts for one in manifest.parse([manifest.Source(name, text)])
            )
    return {
        (re.sub(r"subdir-.*", "subdir-*", account), power, NAMED.get(where, where)) for account, power, where in found
    }


def test_every_power_of_an_account_stands_in_the_page_with_its_reason():
    found, page = rendered(), told()
    assert sorted(found - set(page)) == [], "an account may more than docs/security.md says"
    assert sorted(set(page) - found) == [], "docs/security.md says more than the accounts may"
    assert [row for row, why in page.items() if len(why) < 20] == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"verbs": ["*"], "resources": ["*"]}, {rights.EVERYTHING}),
        ({"verbs": ["list"], "resources": ["secrets"]}, {"reads Secrets"}),
        ({"verbs": ["get"], "resources": ["secrets"], "resourceNames": ["a"]}, set()),
        ({"verbs": ["create"], "resources": ["jobs"]}, {"starts pods"}),
        ({"verbs": ["escalate"], "resources": ["clusterroles"]}, {"grants rights"}),
        ({"verbs": ["impersonate"], "resources": ["groups"]}, {"impersonates"}),
        ({"verbs": ["create"], "resources": ["serviceaccounts/token"]}, {"makes tokens"}),
        ({"verbs": ["list", "watch"], "resources": ["pods", "nodes", "services"]}, set()),
    ],
)
def test_powers_of_a_rule(rule, expected):
    """Of a ClusterRole that is bound in the cluster."""
    subject = {"kind": "ServiceAccount", "namespace": "a", "name": "b"}
    role = {"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [rule]}
    binding = {"kind": "ClusterRoleBinding", "metadata": {"name": "r"}, "roleRef": {"kind": "ClusterRole", "name": "r"}}
    found = rights.held([role, binding | {"subjects": [subject]}])
    assert {power for _, power, _ in found} == expected and {where for *_, where in found} <= {rights.CLUSTER}
