"""Every service with every case of ``tests/cases/services``: rendered, taken by a real API server, by the rules."""

from __future__ import annotations

import copy
import functools
from typing import Any

import pytest
from tests.support import pillars, services
from tests.support.salt import Minion

SERVICES = sorted(path.stem for path in services.CASES.glob("*.yaml"))
PAIRS = [(service, case) for service in SERVICES for case in services.case_file(service)["cases"]]


@pytest.fixture(scope="module")
def admin(tmp_path_factory, apiserver):
    """Make the admin minion of a case whose cluster is the tests' API server: ``admin(service, case)``."""
    root = tmp_path_factory.mktemp("admin")
    with services.workplace(root, apiserver) as state_dir:
        brought = set()

        def make(service: str, case: str, **over) -> Minion:
            return other(service, case, **over) if over else known(service, case)

        def other(service: str, case: str, **over) -> Minion:
            if service not in brought:
                brought.add(service)
                services.bring(apiserver, service)
            tree = services.tree(service, services.case_file(service)["cases"][case], state_dir)
            tree = pillars.merge(tree, {"services": {service: over}} if over else {})
            return Minion(root / f"minion-{len(list(root.iterdir()))}", tree["cluster"]["admin"], pillar={"k8s": tree})

        known = functools.cache(other)  # nothing of a case's minion changes, and making one takes a second
        yield make


@functools.cache
def _declared(minion: Minion, service: str) -> dict[str, Any]:
    return services.declared(minion, service)


def declared(minion: Minion, service: str) -> dict[str, Any]:
    """The arguments of the one ``kubectl.applied`` of a service's SLS, which is rendered once a minion."""
    return copy.deepcopy(_declared(minion, service))


@functools.cache
def rendered(minion: Minion, service: str) -> dict[str, dict[str, Any]]:
    """The rendered objects by title, once a minion."""
    return services.rendered(minion, service)


@pytest.mark.parametrize(("service", "case"), PAIRS)
def test_every_object_is_accepted_and_the_second_run_changes_nothing(admin, apiserver, service, case):
    minion = admin(service, case)
    given = declared(minion, service) | {"wait": False}
    foretold = minion.state("kubectl.applied", service, test=True, **given)
    # another test may have left the set just so
    assert foretold["result"] is (None if foretold["changes"] else True), foretold["comment"]
    real = minion.state("kubectl.applied", service, **given)
    assert real["result"] is True, real["comment"]
    assert real["changes"] == foretold["changes"]
    mark = apiserver.mark()
    again = minion.state("kubectl.applied", service, **given)
    assert again["result"] is True and again["changes"] == {}, again
    assert [request for request in apiserver.requests(mark) if request.verb not in ("get", "list")] == []


@pytest.mark.parametrize(("service", "case"), PAIRS)
def test_the_objects_are_what_the_case_expects(admin, service, case):
    content = services.case_file(service)["cases"][case]
    found = rendered(admin(service, case), service)
    assert content["expect"], "a case expects something"
    for name, expected in content["expect"].items():
        assert name in found, f"{name} is not among {sorted(found)}"
        assert services.holds(expected, found[name]), f"{name}: {expected} is not in {found[name]}"
    assert [name for name in content.get("absent", ()) if name in found] == []


@pytest.mark.parametrize(("service", "case"), PAIRS)
def test_the_namespaces_are_those_that_the_schema_names(admin, service, case):
    """A service says which namespaces it creates; the tenants' are theirs."""
    minion = admin(service, case)
    found = {title.split()[1] for title in rendered(minion, service) if title.startswith("Namespace ")}
    model = minion.call("k8s_config.get", secrets=True)
    if service == "tenants":
        found -= {name for tenant in model["tenants"].values() for name in tenant["namespaces"]}
    given = set(model["services"]["traefik"]["namespaces"]) if service == "traefik" else set()
    assert found - given == set(model["services"][service]["own_namespaces"])


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_keeps_the_rules_or_says_why_not(admin, service):
    """`allowed` of the case file: what is not kept -> the reason. One that is kept after all has to go from there."""
    content = services.case_file(service)
    found = set()
    for case in content["cases"]:
        objects = rendered(admin(service, case), service)
        found |= services.violations(objects)
        registry = pillars.full()["registry"]["url"]
        assert [image for image in services.images(objects) if not image.startswith(f"{registry}/")] == []
    allowed = content.get("allowed") or {}
    assert found == set(allowed)
    assert [name for name, reason in allowed.items() if len(reason) < 10] == [], "a reason is a sentence"


@pytest.mark.parametrize("service", [name for name in SERVICES if "images" in pillars.defaults()["services"][name]])
def test_other_images_in_the_pillar_are_an_upgrade_and_back_again(admin, service):
    """An upgrade changes the images (and what a program is told of another's), makes nothing and deletes nothing."""
    case = next(iter(services.case_file(service)["cases"]))
    images = pillars.defaults()["services"][service]["images"]
    old = admin(service, case)
    new = admin(service, case, images={name: f"{image}-other" for name, image in images.items()})
    run = {"wait": False}
    assert old.state("kubectl.applied", service, **declared(old, service), **run)["result"] is True
    for minion in (new, old):
        given = declared(minion, service) | run
        foretold = minion.state("kubectl.applied", service, test=True, **given)
        real = minion.state("kubectl.applied", service, **given)
        assert real["result"] is True and real["changes"] == foretold["changes"] != {}
        fields = {field for one in real["changes"].values() for field in one if "image" not in field.lower()}
        assert fields == set()
        assert {title.split()[0] for title in real["changes"]} <= {*services.WORKLOADS, "ConfigMap"}


@pytest.mark.parametrize("service", SERVICES)
def test_clean_takes_every_object_away(admin, apiserver, service):
    case = next(iter(services.case_file(service)["cases"]))
    minion = admin(service, case)
    given = declared(minion, service) | {"wait": False}
    real = minion.state("kubectl.applied", service, **given)
    assert real["result"] is True, real["comment"]
    (foretold,) = [one for one in minion.apply(f"k8s.{service}.clean", test=True).values() if one["changes"]]
    objects = rendered(minion, service)
    stays = set(services.case_file(service).get("stays") or ())  # with reasons, on the service's page
    assert len(foretold["changes"]) == len(objects) + 1 - len(stays)  # and the set's record


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("enabled", "function"), [(True, "applied"), (False, "absent")])
def test_services_follow_enabled(admin, service, enabled, function):
    case = next(iter(services.case_file(service)["cases"]))
    low = admin(service, case, enabled=enabled).low("k8s.services")
    own = [chunk for chunk in low if chunk["__sls__"].startswith(f"k8s.{service}")]
    assert {chunk["fun"] for chunk in own if chunk["state"] == "kubectl"} == {function}
