"""One commit that enables itself: an object that is accepted only once another one of the same run is written."""

from __future__ import annotations

import random
import subprocess

import pytest
from tests.support import enabling
from tests.support import kubectl as objects
from tests.support.fault_sets import until
from tests.support.kubectl import check_thrice


def refused(apiserver, obj):
    """Whether the API server rejects an object now: policies take effect after a while.

    Until it knows the kind of a policy's parameters, which is new here, it rejects whatever the policy is about.
    """
    text = objects.documents(obj)
    argv = [
        apiserver.kubectl_path,
        "--kubeconfig",
        str(apiserver.kubeconfig),
        "apply",
        "--server-side",
        "--dry-run=server",
    ]
    done = subprocess.run([*argv, "-f", "-"], input=text, capture_output=True, text=True, check=False)
    return done.returncode != 0 and "failed to configure policy" not in done.stderr


@pytest.fixture
def policies(apiserver):
    """Leave no policy behind: it would reject what other tests write."""
    yield
    for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
        apiserver.kubectl("delete", kind, "--all")


@pytest.fixture
def prepared(apiserver, applied, policies):
    """Apply the first version of a pair, under the set's name."""

    def prepare(name, pair):
        if pair.outside:
            apiserver.apply(*pair.outside)
        assert applied(name, *pair.before)["result"] is True
        until(lambda: refused(apiserver, pair.after[-1]), f"{name} to be in effect")  # policies take a while

    yield prepare
    apiserver.kubectl("delete", "priorityclass", "en-default-priority-b", "--ignore-not-found")


@pytest.mark.parametrize("name", enabling.PAIRS)
def test_what_is_enabled_is_written_after_what_enables_it(apiserver, applied, prepared, name):
    pair = enabling.PAIRS[name](f"en-{name}")
    prepared(name, pair)
    mark = apiserver.mark()
    for test in (True, False) if pair.alone else ():  # nothing pending enables it: nothing at all is written
        alone = applied(name, *pair.alone, objects.config_map(f"beside-{name}"), test=test)
        assert alone["result"] is False and alone["changes"] == {} and pair.waits in alone["comment"], alone
    assert [request for request in apiserver.requests(mark) if request.write] == []
    foretold = applied(name, *pair.after, test=True)
    assert f"{pair.waits} (depends on {pair.on}, not tried)" in foretold["comment"], foretold["comment"]
    real = check_thrice(apiserver, lambda **kw: applied(name, *pair.after, **kw))
    assert pair.waits in real["changes"] and "not tried" not in real["comment"]
    assert all(title in real["changes"] for title in pair.on.split(", "))


def test_a_chain_of_three(apiserver, applied):
    ports = [enabling.service(f"chain-{name}", port) for name, port in (("a", 30021), ("b", 30022))]
    applied("chain", *ports)
    after = [enabling.service(f"chain-{name}", port) for name, port in (("a", 30022), ("b", 30023), ("c", 30021))]
    foretold = applied("chain", *after, test=True)
    assert "Service default/chain-a (depends on Service default/chain-b, not tried): " in foretold["comment"]
    assert "Service default/chain-c (depends on Service default/chain-a, not tried)" in foretold["comment"]
    real = check_thrice(apiserver, lambda **kw: applied("chain", *after, **kw))
    changed = {"spec.ports[port=80].nodePort": {"old": 30021, "new": 30022}}
    assert real["changes"]["Service default/chain-a"] == changed


def test_a_chain_across_kinds(apiserver, applied, policies):
    """The namespace's level allows the pod; the definition's new value makes the parameter that the policy asks for."""
    group, name = "cross.example.org", "cross"
    old = enabling.definition(group, m={"type": "string", "enum": ["a"]})
    new = enabling.definition(group, m={"type": "string", "enum": ["a", "b"]})
    kind = {"apiVersion": f"{group}/v1", "kind": "Site"}
    rule = enabling.policy(name, "params.spec.m == 'b'", paramKind=kind)
    bound = enabling.with_parameters(enabling.binding(name, policy=name), "one")
    ns = enabling.labelled(objects.namespace(name), policy=name)
    first, second = enabling.site(group, m="a"), enabling.site(group, m="b")
    assert applied(name, old, ns, first)["result"] is True
    assert applied(name, old, ns, first, rule, bound)["result"] is True
    wanted = objects.config_map("wanted", name)
    until(lambda: refused(apiserver, wanted), "the policy to be in effect")
    after = [new, ns, second, rule, bound, wanted]
    foretold = applied(name, *after, test=True)
    site = f"Site.{group} default/one"
    assert f"{site} (depends on CustomResourceDefinition sites.{group}, not tried): spec.m" in foretold["comment"]
    assert f"ConfigMap {name}/wanted (depends on {site}, not tried)" in foretold["comment"]
    check_thrice(apiserver, lambda **kw: applied(name, *after, **kw))


@pytest.mark.parametrize("pruned", [True, False])
def test_a_cluster_ip_moves(apiserver, applied, pruned):
    """No dry run tells that an address is taken: the real request does."""
    address, name = f"10.43.7.{1 + pruned}", f"address-{pruned}".lower()

    def service(suffix):
        ports = [{"port": 80}]
        return enabling.make("Service", f"{name}-{suffix}", "default", spec={"clusterIP": address, "ports": ports})

    old, new, kept = service("old"), service("new"), objects.config_map(name)
    applied(name, kept, old)
    if pruned:
        real = check_thrice(apiserver, lambda **kw: applied(name, kept, new, **kw))
        assert set(real["changes"]) == {f"Service default/{name}-old", f"Service default/{name}-new"}
    else:
        answer = applied(name, kept, old, new)
        assert answer["result"] is False and "provided IP is already allocated" in answer["comment"]
        assert apiserver.get("service", f"{name}-old") is not None


def test_two_ports_cannot_be_exchanged_in_one_run(apiserver, applied):
    applied("swap", enabling.service("swap-a", 30431), enabling.service("swap-b", 30432))
    after = [enabling.service("swap-a", 30432), enabling.service("swap-b", 30431)]
    mark = apiserver.mark()
    for test in (True, False):
        answer = applied("swap", *after, test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert "provided port is already allocated: it would have to be written after Service" in answer["comment"]
        assert "change one of them in an earlier run" in answer["comment"]
    assert [request for request in apiserver.requests(mark) if request.write] == []
    assert applied("swap", enabling.service("swap-a", 30433), after[1])["result"] is True
    check_thrice(apiserver, lambda **kw: applied("swap", *after, **kw))


def test_what_stays_rejected_says_what_was_done_and_the_next_run_goes_on(apiserver, applied, monkeypatch):
    monkeypatch.setattr("saltk8s.kubectl.sets.run.EFFECT_S", 1)
    name = "stays"
    ns = objects.namespace(name)
    levels = {level: enabling.labelled(ns, enforce=level) for level in ("restricted", "baseline")}
    applied(name, levels["restricted"])
    answer = applied(name, levels["baseline"], enabling.pod("p", name, hostNetwork=True))
    assert answer["result"] is False
    assert f"Pod {name}/p: " in answer["comment"] and "violates PodSecurity" in answer["comment"]
    assert f"still rejected after Namespace {name} was written" in answer["comment"]
    assert f"Namespace {name}" in answer["changes"] and f"Pod {name}/p" not in answer["changes"]
    right = enabling.pod("p", name)
    again = applied(name, levels["baseline"], right)
    assert again["result"] is True and set(again["changes"]) >= {f"Pod {name}/p"}
    objects.check_unchanged(apiserver, lambda **kw: applied(name, levels["baseline"], right, **kw))


def test_many_objects_wait_for_one_definition(apiserver, applied):
    group, name = "many.example.org", "many-wait"
    old, new = objects.definition("Site", group), enabling.definition(group, color={"type": "string"})
    names = [f"site-{number}" for number in range(30)]
    applied(name, old, *(enabling.site(group, one) for one in names))
    after = [new, *(enabling.site(group, one, color="red") for one in names)]
    real = check_thrice(apiserver, lambda **kw: applied(name, *after, **kw))
    assert len(real["changes"]) == 31


def test_a_quota_that_is_pruned(apiserver, applied):
    """Without its controller, the quota's status is written by hand."""
    name = "room"
    apiserver.apply(objects.namespace(name))
    quota = enabling.make("ResourceQuota", "full", name, spec={"hard": {"count/secrets": "1"}})
    kept, new = objects.config_map("kept", name), objects.secret("new", name, a="1")
    applied(name, kept, quota)
    full = {"hard": {"count/secrets": "1"}, "used": {"count/secrets": "1"}}
    apiserver.set_status("resourcequota", "full", full, name)
    until(lambda: refused(apiserver, new), "the quota to be in effect")
    alone = applied(name, kept, quota, new)
    assert alone["result"] is False and alone["changes"] == {} and "exceeded quota: full" in alone["comment"]
    foretold = applied(name, kept, new, test=True)
    assert f"Secret {name}/new (depends on ResourceQuota {name}/full, not tried)" in foretold["comment"]
    check_thrice(apiserver, lambda **kw: applied(name, kept, new, **kw))


@pytest.fixture
def limited(apiserver):
    """A user who may do everything but create priority classes, and may bind the role that allows it."""
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
    core = {"apiGroups": ["", "rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["create", "patch", "update"]}
    bind = {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["bind"]}
    extra = {"apiGroups": ["scheduling.k8s.io"], "resources": ["priorityclasses"], "verbs": ["create", "patch"]}
    rules = [everything, core, bind | {"resourceNames": ["extra"]}]
    subjects = [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "limited"}]
    apiserver.apply(
        enabling.make("ClusterRole", "limited", rules=rules),
        enabling.make("ClusterRole", "extra", rules=[extra]),
        enabling.make("ClusterRoleBinding", "limited", roleRef=role("limited"), subjects=subjects),
    )
    yield str(apiserver.kubeconfig_by_certificate("limited", 3600, "limited")), extra, subjects
    apiserver.kubectl("delete", "clusterrolebinding", "limited", "extra", "--ignore-not-found")


def role(name):
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}


@pytest.mark.parametrize("what", ["grant", "write"])
def test_a_binding_gives_the_user_itself_what_is_missing(apiserver, applied, limited, what):
    kubeconfig, extra, subjects = limited
    name = f"rights-{what}"
    bound = enabling.make("ClusterRoleBinding", "extra", roleRef=role("extra"), subjects=subjects)
    wanted = enabling.make("ClusterRole", name, rules=[extra])
    if what == "write":
        wanted = enabling.make("PriorityClass", name, value=1)
    alone = applied(name, wanted, kubeconfig=kubeconfig)
    assert alone["result"] is False and alone["changes"] == {}
    foretold = applied(name, wanted, bound, kubeconfig=kubeconfig, test=True)
    assert f"{wanted['kind']} {name} (depends on ClusterRoleBinding extra, not tried)" in foretold["comment"]
    check_thrice(apiserver, lambda **kw: applied(name, wanted, bound, kubeconfig=kubeconfig, **kw))


SEEDS = (2, 6, 9, 12)


def moved_ports(seed: int):
    """Five Services and five node ports: who holds which before and after, and whether some only exchange theirs."""
    rng = random.Random(seed)
    first = enabling.STATIC_PORTS.stop - 5 * (1 + SEEDS.index(seed))
    names, ports = [f"moved-{seed}-{letter}" for letter in "abcde"], [first + number for number in range(5)]
    old, new = (dict(zip(rng.sample(names, 4), rng.sample(ports, 4), strict=True)) for _ in range(2))
    holders, left = {port: name for name, port in old.items()}, dict(new)
    while True:  # take out who can move: to a free port, or to one whose holder can
        free = [name for name, port in left.items() if holders.get(port) in (None, name) or holders[port] not in left]
        if not free:
            return old, new, bool(left)
        for name in free:
            del left[name]


@pytest.mark.parametrize("seed", SEEDS)
def test_ports_move_among_services_as_they_can(apiserver, applied, seed):
    old, new, exchanged = moved_ports(seed)
    before, after = ([enabling.service(*one) for one in found.items()] for found in (old, new))
    applied(f"moved-{seed}", *before)
    if not exchanged:
        check_thrice(apiserver, lambda **kw: applied(f"moved-{seed}", *after, **kw))
        return
    mark = apiserver.mark()
    for test in (True, False):
        answer = applied(f"moved-{seed}", *after, test=test)
        assert answer["result"] is False and answer["changes"] == {} and "is already allocated" in answer["comment"]
    assert [request for request in apiserver.requests(mark) if request.write] == []
