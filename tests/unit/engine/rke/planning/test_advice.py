"""What a refusal advises works: edited as it says, the pillar passes the model, and run by run it gets what was wanted.

The operator here reads nothing but the text of a refusal. A run that is accepted is judged by rules of its own, which
know rke and etcd, and not the guards.
"""

from __future__ import annotations

import copy
import json
import random
import re

import pytest
from saltk8s.base import errors
from saltk8s.engine.rke import cluster_yml, guards, rkestate
from saltk8s.engine.rke.planning import changes, fixed
from saltk8s.pillar import model as models
from tests.support import pillars, rke_state

BOTH, ALL = ["controlplane", "etcd"], ["controlplane", "etcd", "worker"]
COUNTS = {"two": 2, "three": 3}
FACTS = re.compile(r"(\S+) \(address (\S+?)(?:, internal_address (\S+?))?, roles ([a-z ]+)\)")


def model_of(nodes, allowed=(), cluster=None):
    tree = copy.deepcopy(BASE)
    tree["nodes"] = copy.deepcopy(nodes)
    tree["cluster"] = pillars.merge(tree["cluster"], {"allow_removal": sorted(allowed), **(cluster or {})})
    return models.build(DEFAULTS, tree)


def _base():
    tree = pillars.full()
    tree["services"] = {name: {"enabled": False} for name in pillars.defaults()["services"]}
    for key in ("tenants", "cloud", "locations", "extra"):
        tree.pop(key, None)
    tree["cluster"].pop("etcd", None)
    return tree


BASE, DEFAULTS = _base(), pillars.defaults()


class Cluster:
    """A cluster, run by run. down: members of etcd that are stopped; blank: whose machine was made anew."""

    def __init__(self, nodes, down=(), blank=()):
        self.down, self.blank = set(down) | set(blank), set(blank)
        self.state = self._observed(cluster_yml.build(model_of(nodes)))
        self.runs = 0

    @staticmethod
    def _observed(config):
        return rkestate.parse(json.dumps(rke_state.rkestate(config)))

    def run(self, nodes, allowed, cluster=None):
        """One run of the engine. Raises what it is refused with; returns its plan."""
        model = model_of(nodes, allowed, cluster)
        config = cluster_yml.build(model)
        plan = changes.plan_of(config, self.state, None, "v1.8.5")
        fixed.check(config, self.state)
        exchange = fixed.members(config, self.state) | fixed.rebuilt(self.state, self.blank & nodes.keys())
        guards.check(plan, self.state["nodes"], model["cluster"]["allow_removal"], self.down, exchange)
        self._judge(plan, config)
        self.down -= plan.removed.keys()
        self.blank -= plan.removed.keys()
        self.state = self._observed(config)
        self.runs += 1
        return plan

    def _judge(self, plan, config):
        """What rke and etcd survive."""
        before = self.state["nodes"]
        after = self._observed(config)["nodes"]
        members = {name for name in before if "etcd" in before[name]["roles"]}
        left = {name for name in members if name in after and "etcd" in after[name]["roles"]}
        assert len(members - left) <= 1
        if members != left:
            assert len(members - self.down) > len(members) / 2, "the removal itself is a write"
            assert len(left - self.down) > len(left) / 2
        assert any("controlplane" in before[name]["roles"] for name in before.keys() & after.keys())
        addresses = {node["address"]: name for name, node in before.items()}
        for name, node in after.items():
            assert addresses.get(node["address"], name) == name, "rke knows nodes by their address"
            if name in before:
                assert node["address"] == before[name]["address"]
                assert not {"etcd", "controlplane"} & (set(before[name]["roles"]) - set(node["roles"]))
            if name in left:
                assert node["internal_address"] == before[name]["internal_address"]
                assert name not in self.blank


class Operator:
    """Wants something, and does what the refusals say."""

    def __init__(self, cluster, wish):
        self.cluster, self.wish = cluster, wish
        self.texts = []

    def reach(self):
        for _ in range(40):
            self.nodes, self.allowed = copy.deepcopy(self.wish), set()
            for _ in range(12):
                try:
                    self.cluster.run(self.nodes, self.allowed)
                    break
                except errors.Refused as err:
                    self.texts.append(str(err))
                    self.follow(str(err))
                except errors.ConfigError as err:
                    self.texts.append(str(err))
                    self.follow_model(str(err))
            else:
                raise AssertionError("going round in circles:\n" + "\n".join(self.texts[-12:]))
            if self.nodes == self.wish:
                return
        raise AssertionError("never there:\n" + "\n".join(self.texts[-40:]))

    def follow_model(self, text):
        gone = self.cluster.state["nodes"].keys() - self.nodes.keys()
        if "or the one that leaves in k8s:cluster:allow_removal" in text and gone - self.allowed:
            self.allowed |= gone
        else:
            raise AssertionError(f"the advice does not pass the model: {text}\n" + "\n".join(self.texts[-6:]))

    def follow(self, text):
        before = json.dumps([self.nodes, sorted(self.allowed), sorted(self.cluster.down)], sort_keys=True)
        for name in re.findall(r"to remove it, list (\S+) in k8s:cluster:allow_removal", text):
            self.allowed.add(name)
        for names in re.findall(r"take (.+?) out of k8s:nodes and list (?:it|them) in k8s:cluster:allow_removal", text):
            for name in names.split(", "):
                del self.nodes[name]
                self.allowed.add(name)
        for name in re.findall(r"take (\S+) out of k8s:nodes until", text):
            del self.nodes[name]
        for name, address, internal, roles in FACTS.findall(text):
            self.nodes[name] = {"address": address, "roles": roles.split()}
            if internal:
                self.nodes[name]["internal_address"] = internal
            self.allowed.discard(name)
        for wanted in re.findall(r"first have exactly (.+?), [^,]+? among them", text):
            self.have(re.findall(r"(two|three) nodes with the role (\w+)", wanted))
        for names in re.findall(r"[Ss]tart it on (.+?), or", text):
            self.cluster.down -= set(names.split(", "))
        assert json.dumps([self.nodes, sorted(self.allowed), sorted(self.cluster.down)], sort_keys=True) != before, text

    def have(self, wanted):
        for count, role in wanted:
            found = [name for name, node in self.nodes.items() if role in node["roles"]]
            new = [name for name in found if name not in self.cluster.state["nodes"]]
            for name in new[: max(0, len(found) - COUNTS[count])]:
                del self.nodes[name]
            for number in range(len(found), COUNTS[count]):
                name = f"spare{number}-{role}"
                self.nodes[name] = {"address": f"10.20.9.{len(self.nodes) + 10 * self.cluster.runs}", "roles": [role]}


def node(number, roles, **more):
    return {"address": f"10.20.0.{number}", "roles": list(roles), **more}


def cluster_of(controls, workers=1, roles=BOTH):
    nodes = {f"cp{n}": node(n, roles) for n in range(1, controls + 1)}
    return nodes | {f"w{n}": node(100 + n, ["worker"]) for n in range(1, workers + 1)}


def reach(start, wish, **faults):
    operator = Operator(Cluster(start, **faults), wish)
    operator.reach()
    assert not operator.cluster.run(wish, ()).removed
    return operator


def without(nodes, *names):
    return {name: one for name, one in nodes.items() if name not in names}


@pytest.mark.parametrize("controls", [1, 3, 5])
@pytest.mark.parametrize("name", ["cp1", "w1"])
@pytest.mark.parametrize(
    "change",
    [
        {"address": "10.20.0.99"},
        {"internal_address": "10.30.0.9"},
        {"roles": ["worker"]},
        {"roles": ["etcd", "worker"]},
        {"roles": ["controlplane", "worker"]},
    ],
)
def test_a_node_that_becomes_another(controls, name, change):
    start = cluster_of(controls)
    wish = pillars.merge(start, {name: change})
    members = [one for one in wish.values() if "etcd" in one["roles"]]
    if not len(members) % 2:
        wish["new"] = node(77, BOTH)
    if not any("controlplane" in one["roles"] for one in wish.values()):
        wish["new"] = node(77, BOTH if len(members) % 2 == 0 else ["controlplane"])
    reach(start, wish)


def test_etcd_shrinks_one_by_one():
    five = cluster_of(5)
    operator = reach(five, without(five, "cp1", "cp2", "cp4", "cp5"))
    assert operator.cluster.runs == 5, "four leave, and one run finds nothing to do"
    assert reach(cluster_of(5), without(five, "cp2", "cp5")).cluster.runs == 3


@pytest.mark.parametrize("controls", [3, 5])
def test_a_dead_control_plane_leaves_and_one_of_the_same_name_joins(controls):
    start = cluster_of(controls)
    assert "REMOVE" not in str(reach(start, without(start, "cp2", "cp3"), down=["cp2"]).texts)
    operator = reach(start, start, blank=["cp2"])
    assert operator.cluster.runs == 3
    assert "cp2 is a member of etcd, but its machine carries nothing of the cluster" in operator.texts[0]


def test_a_stopped_member_that_stays_has_to_run_first():
    start = cluster_of(3)
    operator = reach(start, without(start, "cp3") | {"cp4": node(4, BOTH)}, down=["cp2"])
    assert "First start it on cp2, or let cp2 leave instead" in "".join(operator.texts)
    operator = Operator(Cluster(start, down=["cp2"]), without(start, "cp3") | {"cp4": node(4, BOTH)})
    operator.cluster.run(without(start, "cp2") | {"cp4": node(4, BOTH)}, {"cp2"})  # the other way that it names


def test_every_address_of_a_cluster_changes():
    start = cluster_of(3, 3)
    wish = {name: pillars.merge(one, {"address": f"10.21.0.{n}"}) for n, (name, one) in enumerate(start.items(), 1)}
    reach(start, wish)


def test_a_cluster_whose_data_is_gone_is_not_begun_anew():
    start = cluster_of(3)
    with pytest.raises(errors.Refused, match="cp1, cp2, cp3 any more.*Restore an etcd snapshot"):
        Cluster(start, blank=["cp1", "cp2", "cp3"]).run(start, ())


def draw(random_):
    """A cluster, and what somebody could want of it."""
    roles = random_.choice([BOTH, ALL])
    start = cluster_of(random_.choice([1, 3, 3, 5]), random_.randint(1, 3), roles)
    if random_.random() < 0.3:
        start |= {f"e{n}": node(50 + n, ["etcd"]) for n in (1, 2)}
    wish = copy.deepcopy(start)
    for number in range(random_.randint(1, 4)):
        name = random_.choice(list(wish))
        kind = random_.choice(["remove", "add", "move", "roles", "internal", "swap", "rename"])
        if kind == "remove":
            del wish[name]
        elif kind == "add":
            wish[f"new{number}"] = node(200 + number, random_.choice([BOTH, ["worker"], ["etcd"], ALL]))
        elif kind == "move":
            wish[name]["address"] = f"10.20.1.{number + 1}"
        elif kind == "roles":
            wish[name]["roles"] = random_.choice([BOTH, ["worker"], ["etcd"], ALL, ["controlplane"]])
        elif kind == "internal":
            wish[name]["internal_address"] = f"10.30.0.{number + 1}"
        elif kind == "swap":
            other = random_.choice(list(wish))
            wish[name]["address"], wish[other]["address"] = wish[other]["address"], wish[name]["address"]
        else:
            wish[f"other{number}"] = wish.pop(name)
        if not wish:
            wish = copy.deepcopy(start)
    return start, wish


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_wanted_is_reached(seed):
    random_ = random.Random(seed)
    while True:
        start, wish = draw(random_)
        try:
            model_of(wish)
            break
        except errors.ConfigError:
            continue
    members = [name for name, one in start.items() if "etcd" in one["roles"]]
    down = random_.sample(members, random_.choice([0, 0, 1]))
    reach(start, wish, down=down)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("network:pod_cidr", "10.60.0.0/16"),
        ("network:service_cidr", "10.61.0.0/16"),
        ("dns_domain", "k8s.local"),
        ("encrypt_secrets", False),
        ("name", "other"),
        ("extra_args:etcd:data-dir", "/srv/etcd"),
        ("extra_args:kube_apiserver:etcd-prefix", "/other"),
        ("extra_args:kube_controller:node-cidr-mask-size", "25"),
        ("extra_args:kubelet:cluster-domain", "x.local"),
        ("extra_args:kube_proxy:cluster-cidr", "10.60.0.0/16"),
    ],
)
def test_what_is_fixed_is_refused_and_put_back(key, value):
    nodes = cluster_of(1)
    cluster = Cluster(nodes)
    wish: dict = {}
    place = wish
    *folders, last = key.split(":")
    for folder in folders:
        place = place.setdefault(folder, {})
    place[last] = value
    with pytest.raises(errors.Refused) as refused:
        cluster.run(nodes, (), wish)
    text = str(refused.value)
    assert f"k8s:cluster:{key} is " in text
    if "Remove it" in text:
        del place[last]
    else:
        back = re.search(rf"k8s:cluster:{key} is (\S+) in the cluster, .*Set it to (\S+) again", text)
        assert back[1] == back[2]
        place[last] = True if back[2] == "true" else back[2]
    assert cluster.run(nodes, (), wish).changes().keys() <= {"reasons"}


def test_what_is_not_fixed_may_change():
    nodes = cluster_of(1)
    flags = {"etcd": {"quota-backend-bytes": "9"}, "kubelet": {"max-pods": "200"}}
    Cluster(nodes).run(nodes, (), {"extra_args": flags, "metrics_server": False})
