"""MetalLB's manifests: rendered from the pillar, taken by a real API server, and unchanged the second time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.support import pillars
from tests.support.salt import Minion

MANIFESTS = "salt://k8s/metallb/manifests"
FULL = {
    "pools": {
        "public": {"addresses": ["10.20.0.200-10.20.0.220"]},
        "internal": {"addresses": ["10.20.1.0/24", "10.20.2.1-10.20.2.9"], "auto_assign": False,
                     "namespaces": ["monitoring", "web"]},
    },
    "l2": {"interfaces": ["ens192"]},
    "node_selector": {"edge": "true"},
    "log_level": "debug",
}


@pytest.fixture(scope="module")
def admin(tmp_path_factory, apiserver):
    """Make the admin minion with a pillar whose cluster is the tests' API server: ``admin(metallb={...})``."""
    root = tmp_path_factory.mktemp("admin")
    state_dir = root / "state"
    state_dir.mkdir()
    shutil.copy(apiserver.kubeconfig, state_dir / "kube_config_cluster.yml")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{Path(apiserver.kubectl_path).parent}{os.pathsep}{before}"

    def make(metallb: dict) -> Minion:
        tree = pillars.merge(pillars.full(), {"cluster": {"state_dir": str(state_dir)}})
        tree["services"] = {"metallb": metallb}
        return Minion(root / f"minion-{len(list(root.iterdir()))}", tree["cluster"]["admin"], pillar={"k8s": tree})

    yield make
    os.environ["PATH"] = before


def rendered(minion) -> dict[str, dict]:
    """The rendered objects by ``Kind name``."""
    found = minion.call("kubectl.manifests", MANIFESTS)
    return {f"{obj['kind']} {obj['metadata']['name']}": obj for obj in found}


def test_every_object_is_accepted_and_the_second_run_changes_nothing(admin, apiserver):
    minion = admin(FULL)
    mark = apiserver.mark()
    foretold = minion.state("kubectl.applied", "metallb", source=MANIFESTS, wait=False, test=True)
    assert foretold["result"] is None, foretold["comment"]
    assert [request for request in apiserver.requests(mark) if request.write] == []
    real = minion.state("kubectl.applied", "metallb", source=MANIFESTS, wait=False)
    assert real["result"] is True, real["comment"]
    assert real["changes"] == foretold["changes"]
    assert len(real["changes"]) == len(rendered(minion)) + 1  # and the set's record
    mark = apiserver.mark()
    again = minion.state("kubectl.applied", "metallb", source=MANIFESTS, wait=False)
    assert again["result"] is True and again["changes"] == {}, again
    asked = apiserver.requests(mark)
    assert {request.verb for request in asked} <= {"get", "list"}, asked
    pools = {pool["metadata"]["name"]: pool["spec"] for pool in apiserver.get("ipaddresspools", "-A")["items"]}
    assert pools["internal"]["serviceAllocation"] == {"namespaces": ["monitoring", "web"]}
    assert pools["internal"]["autoAssign"] is False and pools["public"]["autoAssign"] is True
    advertised = apiserver.get("l2advertisements", "-n", "metallb-system", "internal")["spec"]
    assert advertised == {"ipAddressPools": ["internal"], "interfaces": ["ens192"],
                          "nodeSelectors": [{"matchLabels": {"edge": "true"}}]}


def test_a_pool_that_goes_from_the_pillar_goes_from_the_cluster(admin, apiserver):
    both = admin(FULL)
    assert both.state("kubectl.applied", "metallb", source=MANIFESTS, wait=False)["result"] is True
    one = admin(FULL | {"pools": {"public": {"addresses": ["10.20.0.200-10.20.0.230"]}}})
    real = one.state("kubectl.applied", "metallb", source=MANIFESTS, wait=False)
    gone = {"old": "present", "new": None}
    assert real["changes"] == {
        "IPAddressPool.metallb.io metallb-system/public": {
            "spec.addresses": {"old": ["10.20.0.200-10.20.0.220"], "new": ["10.20.0.200-10.20.0.230"]}
        },
        "IPAddressPool.metallb.io metallb-system/internal": gone,
        "L2Advertisement.metallb.io metallb-system/internal": gone,
    }


def test_the_api_server_refuses_a_pool_that_is_none(admin, apiserver):
    minion = admin(FULL)
    assert minion.state("kubectl.applied", "metallb", source=MANIFESTS, wait=False)["result"] is True
    meta = {"name": "bad", "namespace": "metallb-system"}
    bad = [
        ({"addresses": ["ten to twenty"]}, "spec.addresses[0]"),
        ({"addresses": []}, "spec.addresses"),
        ({}, "spec.addresses"),
        ({"addresses": ["10.0.0.0/24"], "autoAssign": "yes"}, "spec.autoAssign"),
    ]
    for spec, field in bad:
        pool = {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": meta, "spec": spec}
        answer = minion.state("kubectl.applied", "bad-pool", objects=[pool], test=True)
        assert answer["result"] is False
        assert f"IPAddressPool.metallb.io metallb-system/bad: {field}" in answer["comment"], answer["comment"]


def test_the_model_refuses_a_bad_pool(admin):
    minion = admin({"pools": {"public": {"addresses": ["10.20.0.220-10.20.0.200"]}}})
    checked = minion.call("k8s_config.validate")
    assert not checked["valid"]
    assert [problem["path"] for problem in checked["problems"]] == ["k8s:services:metallb:pools:public:addresses:0"]


def test_who_may_do_what(admin):
    objects = rendered(admin(FULL))
    every_rule = [(name, rule) for name, obj in objects.items() for rule in obj.get("rules", ())]
    assert every_rule
    for name, rule in every_rule:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]], name
        if "secrets" in rule["resources"]:
            assert name.startswith("Role "), f"{name} reads secrets of every namespace"
    for name in ("Deployment controller", "DaemonSet speaker"):
        pod = objects[name]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        limits = container["securityContext"]
        assert limits["readOnlyRootFilesystem"] and not limits["allowPrivilegeEscalation"]
        assert limits["capabilities"]["drop"] == ["ALL"]
        assert container["resources"]["requests"] and container["resources"]["limits"]
        assert container["readinessProbe"] and container["livenessProbe"]
        assert pod["priorityClassName"].startswith("system-")
    speaker = objects["DaemonSet speaker"]["spec"]["template"]["spec"]
    assert speaker["hostNetwork"] is True
    assert speaker["containers"][0]["securityContext"]["capabilities"]["add"] == ["NET_RAW"]
    assert speaker["nodeSelector"] == {"kubernetes.io/os": "linux", "edge": "true"}
    assert objects["Deployment controller"]["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    labels = objects["Namespace metallb-system"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def test_images_come_through_the_site_registry(admin):
    workloads = [obj for obj in rendered(admin(FULL)).values() if obj["kind"] in ("Deployment", "DaemonSet")]
    images = [box["image"] for obj in workloads for box in obj["spec"]["template"]["spec"]["containers"]]
    registry = pillars.full()["registry"]["url"]
    assert images and all(image.startswith(f"{registry}/") for image in images)


def test_clean_takes_everything_but_asks_for_the_protected_by_name(admin, apiserver):
    minion = admin(FULL)
    assert minion.state("kubectl.applied", "metallb", source=MANIFESTS, wait=False)["result"] is True
    mark = apiserver.mark()
    foretold = minion.apply("k8s.metallb.clean", test=True)["k8s-metallb-absent"]
    assert [request for request in apiserver.requests(mark) if request.write] == []
    assert foretold["result"] is None
    assert len(foretold["changes"]) == len(rendered(minion)) + 1  # and the set's record
    # without a namespace controller a namespace never goes: all but that
    definitions = [name for name in rendered(minion) if name.startswith("CustomResourceDefinition ")]
    real = minion.state("kubectl.absent", "metallb", unprotect=definitions)
    assert real["result"] is True, real["comment"]
    assert {*foretold["changes"]} - {*real["changes"]} == {"Namespace metallb-system"}
    assert apiserver.get("crd", "ipaddresspools.metallb.io") is None
    again = minion.state("kubectl.absent", "metallb", unprotect=definitions)
    assert again["result"] is True and again["changes"] == {}


@pytest.mark.parametrize(("enabled", "expected"), [(True, "k8s-metallb-applied"), (False, "k8s-metallb-absent")])
def test_services_follow_enabled(admin, enabled, expected):
    low = admin(FULL | {"enabled": enabled}).low("k8s.services")
    assert [chunk["__id__"] for chunk in low if chunk["state"] == "kubectl"] == [expected]
