"""What a run of all services costs when nothing changed: the programs that it starts, and how often it lists a kind."""

from __future__ import annotations

from collections import Counter

import pytest
from saltk8s.base import process
from tests.support import everything, pillars, services
from tests.support.salt import Minion, changed, failed

CLUSTER = "k8s-cluster-usable:\n  k8s_cluster.prepared: []\n"  # the cluster exists: the engine does not run
# the sets but the tenants' by one, those by two, because there are many; whether kinds of Canal's are namespaced; the
# tenants' namespaces and accounts; version, kinds, and objects of the summary
PROGRAMS = 9


@pytest.fixture(scope="module")
def admin(tmp_path_factory, own_apiserver):
    """The admin of a platform with everything, as the last run left it."""
    root = tmp_path_factory.mktemp("admin")
    (root / "roots" / "k8s" / "cluster").mkdir(parents=True)
    (root / "roots" / "k8s" / "cluster" / "init.sls").write_text(CLUSTER)
    with services.workplace(root, own_apiserver) as state_dir:
        tree = everything.tree() | {"extra": []}
        tree["cluster"]["state_dir"] = str(state_dir)
        roots = [root / "roots"]
        minion = Minion(root / "minion", tree["cluster"]["admin"], pillar={"k8s": tree}, file_roots=roots)
        for service in pillars.defaults()["services"]:
            services.bring(own_apiserver, service)
            given = services.declared(minion, service) | {"wait": False}
            assert minion.state("kubectl.applied", service, **given)["result"] is True
        services.make_healthy(own_apiserver)
        assert failed(minion.apply("k8s.services")) == {}
        yield minion


@pytest.fixture
def programs(monkeypatch) -> list[list[str]]:
    """The programs that are started from now on."""
    found: list[list[str]] = []
    run = process.run

    def counted(argv, *args, **kwargs):
        found.append(list(map(str, argv)))
        return run(argv, *args, **kwargs)

    monkeypatch.setattr(process, "run", counted)
    return found


def test_few_programs_and_one_list_a_kind(admin, own_apiserver, programs):
    mark = own_apiserver.mark()
    states = admin.apply("k8s.services")
    assert failed(states) == {} and changed(states) == {}
    assert len(programs) <= PROGRAMS, "\n".join(" ".join(argv[1:4]) for argv in programs)
    asked = [request for request in own_apiserver.requests(mark) if request.verb == "list"]
    lists = Counter(request.uri.partition("?")[0] for request in asked)
    # of the sets, of the tenants' set, and namespaces for the tenants' states and the summary
    assert max(lists.values()) <= 4 and lists["/apis/apps/v1/deployments"] == 1, lists
    assert "services" in states["k8s-services-summary"]["comment"]


def test_the_summary_is_that_of_a_reading_of_its_own(admin):
    """What it takes from the states before it is what it would have read."""
    told = admin.apply("k8s.services")["k8s-services-summary"]["comment"].splitlines()
    alone = admin.call("k8s_config.status")["lines"]
    assert told == alone
