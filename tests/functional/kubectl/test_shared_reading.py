"""Several sets in one state run are read at once; whatever may have changed them in between is seen."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml
from tests.support import kubectl as objects
from tests.support.salt import Minion, changed, failed

SETS = ("shared-a", "shared-b", "shared-c")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A minion with a file root of the tests' own."""
    root = tmp_path_factory.mktemp("minion")
    (root / "site").mkdir()
    return Minion(root, file_roots=[root / "site"])


@pytest.fixture
def platform(minion, apiserver):
    """Apply the sets in one run, each a ConfigMap and a Secret: ``platform(between={1: state}, test=True)``."""
    site = Path(minion.opts["file_roots"]["base"][0])

    def apply(value="1", between=None, names=SETS, **kwargs):
        states = {}
        for number, name in enumerate(names):
            if number in (between or {}):
                states["between"] = between[number]
            declared = [objects.config_map(name, a=value), objects.secret(name, a="123456")]
            own = {"name": name, "objects": declared, "wait": False, "kubeconfig": str(apiserver.kubeconfig)}
            states[name] = {"kubectl.applied": [{key: own[key]} for key in own]}
        (site / "platform.sls").write_text("#!yaml\n" + yaml.safe_dump(states, sort_keys=False))
        answer = minion.apply("platform", **kwargs)
        assert failed(answer) == {}
        return changed(answer)

    apply()
    return apply


def lists(apiserver, mark) -> Counter:
    """How often each kind was listed."""
    asked = [request for request in apiserver.requests(mark) if request.verb == "list"]
    return Counter(request.uri.partition("?")[0].rpartition("/")[2] for request in asked)


@pytest.mark.parametrize("test", [True, False])
def test_an_unchanged_run_lists_a_kind_once_for_all_sets(platform, apiserver, test):
    mark = apiserver.mark()
    assert platform(test=test) == {}
    assert lists(apiserver, mark) == {"configmaps": 1, "secrets": 1}
    assert {request.verb for request in apiserver.requests(mark)} == {"list"}


def test_what_changed_before_the_run_is_mended(platform, apiserver):
    apiserver.kubectl("delete", "configmap", "shared-c", "-n", "default")
    found = platform()
    assert set(found) == {"shared-c"} and set(found["shared-c"]) == {"ConfigMap default/shared-c"}


def test_after_a_write_of_this_run_the_next_sets_are_read_anew(platform, apiserver):
    mark = apiserver.mark()
    assert set(platform(value="2")) == set(SETS)
    assert lists(apiserver, mark)["configmaps"] == 3  # the one for all, and those of the second and the third
    assert platform(value="2") == {}


def test_what_another_state_of_the_run_changed_is_mended(platform, apiserver):
    kubectl = f"{apiserver.kubectl_path} --kubeconfig {apiserver.kubeconfig} -n default"
    found = platform(between={2: {"cmd.run": [{"name": f"{kubectl} delete configmap shared-c"}]}})
    assert set(found) == {"between", "shared-c"}


def test_one_state_alone_reads_its_own_set(minion, platform, apiserver):
    mark = apiserver.mark()
    declared = [objects.config_map("shared-a", a="1"), objects.secret("shared-a", a="123456")]
    own = {"wait": False, "kubeconfig": str(apiserver.kubeconfig)}
    assert minion.state("kubectl.applied", "shared-a", objects=declared, **own)["changes"] == {}
    assert all("set%3Dshared-a" in request.uri for request in apiserver.requests(mark))
