"""Pairs of objects of which one makes the API server accept the other: for the tests of sets that enable themselves."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.support import kubectl as objects

VERSIONS = {
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "PriorityClass": "scheduling.k8s.io/v1",
    "RuntimeClass": "node.k8s.io/v1",
    "StorageClass": "storage.k8s.io/v1",
    "ValidatingAdmissionPolicy": "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicyBinding": "admissionregistration.k8s.io/v1",
}
# Node ports that the API server gives to nobody who names none, as Services of other tests: tests name these alone.
STATIC_PORTS = range(30000, 30086)
Obj = dict[str, Any]


class Pair(NamedTuple):
    """A set in its first version and in its second, in which ``waits`` cannot be tried before ``on`` is written.

    alone: the second version without what enables it, refused for good (none: that is not told by a dry run);
    outside: objects that are there before, and not the set's.
    """

    before: list[Obj]
    after: list[Obj]
    alone: list[Obj]
    waits: str
    on: str
    outside: list[Obj]


def make(kind: str, name: str, namespace: str = "", **rest: Any) -> Obj:
    """An object of a built-in kind."""
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": VERSIONS.get(kind, "v1"), "kind": kind, "metadata": meta, **rest}


def pod(name: str, namespace: str = "default", memory: str = "", **spec: Any) -> Obj:
    """A Pod."""
    container: Obj = {"name": "a", "image": "a:1"}
    if memory:
        container["resources"] = {"limits": {"memory": memory}}
    return make("Pod", name, namespace, spec={"containers": [container], **spec})


def labelled(obj: Obj, **labels: str) -> Obj:
    """An object with labels; ``_`` of their names is ``.`` or ``-`` as Pod Security has them."""
    names = {"enforce": "pod-security.kubernetes.io/enforce"}
    return objects.changed(obj, "metadata.labels", {names.get(name, name): value for name, value in labels.items()})


def service(name: str, port: int = 0, **spec: Any) -> Obj:
    """A Service of type NodePort."""
    ports = [{"port": 80} | ({"nodePort": port} if port else {})]
    return make("Service", name, "default", spec={"type": "NodePort", "ports": ports, **spec})


def limits(namespace: str, memory: str) -> Obj:
    """A LimitRange of containers."""
    return make("LimitRange", "limits", namespace, spec={"limits": [{"type": "Container", "max": {"memory": memory}}]})


def policy(name: str, expression: str, **spec: Any) -> Obj:
    """A ValidatingAdmissionPolicy of ConfigMaps."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}
    found = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": expression}], **spec}
    return make("ValidatingAdmissionPolicy", name, spec=found)


def binding(name: str, **labels: str) -> Obj:
    """Its binding, to the namespaces with these labels."""
    where = {"namespaceSelector": {"matchLabels": labels}}
    spec = {"policyName": name, "validationActions": ["Deny"], "matchResources": where}
    return make("ValidatingAdmissionPolicyBinding", name, spec=spec)


def with_parameters(obj: Obj, name: str) -> Obj:
    """A binding with a parameter object; without that it denies everything."""
    found = {"name": name, "namespace": "default", "parameterNotFoundAction": "Deny"}
    return objects.changed(obj, "spec.paramRef", found)


def definition(group: str, **fields: Any) -> Obj:
    """A CustomResourceDefinition Site whose spec has these fields besides ``size``."""
    found = objects.definition("Site", group)
    fields_of(found)["properties"] |= fields
    return found


def fields_of(found: Obj) -> Obj:
    """The schema of a definition's ``spec``."""
    return found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def site(group: str, name: str = "one", **fields: Any) -> Obj:
    """A Site."""
    obj = objects.custom("Site", group, name)
    return obj | {"spec": obj["spec"] | fields}


# -- the pairs: functions of a name that no other pair has


def _schema(change: Callable[[Obj, str], tuple[Obj, Obj, Obj, Obj]]) -> Callable[[str], Pair]:
    def pair(name: str) -> Pair:
        group = f"{name}.example.org"
        old, new, first, second = change(objects.definition("Site", group), group)
        title = f"CustomResourceDefinition sites.{group}"
        # a version that is not served is no rejection: that is said in another way
        alone = [] if second["apiVersion"].endswith("v2") else [old, second]
        return Pair([old, first], [new, second], alone, f"Site.{group} default/one", title, [])

    return pair


def _new_field(old: Obj, group: str) -> tuple[Obj, Obj, Obj, Obj]:
    return old, definition(group, color={"type": "string"}), site(group), site(group, color="red")


def _enum(old: Obj, group: str) -> tuple[Obj, Obj, Obj, Obj]:
    some, more = {"type": "string", "enum": ["a"]}, {"type": "string", "enum": ["a", "b"]}
    return definition(group, m=some), definition(group, m=more), site(group, m="a"), site(group, m="b")


def _type(old: Obj, group: str) -> tuple[Obj, Obj, Obj, Obj]:
    any_port = {"x-kubernetes-int-or-string": True}
    return definition(group, p={"type": "integer"}), definition(group, p=any_port), site(group), site(group, p="http")


def _bound(old: Obj, group: str) -> tuple[Obj, Obj, Obj, Obj]:
    new = copy.deepcopy(old)
    fields_of(new)["properties"]["size"]["minimum"] = 0
    return old, new, site(group), site(group) | {"spec": {"size": 0}}


def _required(old: Obj, group: str) -> tuple[Obj, Obj, Obj, Obj]:
    old = definition(group, must={"type": "string"})
    new = copy.deepcopy(old)
    fields_of(old)["required"] = ["must"]
    return old, new, site(group, must="x"), site(group)


def _rule(old: Obj, group: str) -> tuple[Obj, Obj, Obj, Obj]:
    new = copy.deepcopy(old)
    fields_of(old)["x-kubernetes-validations"] = [{"rule": "self.size < 5"}]
    return old, new, site(group), site(group) | {"spec": {"size": 7}}


def _version(old: Obj, group: str) -> tuple[Obj, Obj, Obj, Obj]:
    new = copy.deepcopy(old)
    new["spec"]["versions"].append(new["spec"]["versions"][0] | {"name": "v2", "storage": False})
    return old, new, objects.config_map(f"{group}-1"), site(group) | {"apiVersion": f"{group}/v2"}


def pod_security(name: str) -> Pair:
    """A namespace that allows privileged pods from now on."""
    ns = objects.namespace(name)
    tight, loose, what = labelled(ns, enforce="restricted"), labelled(ns, enforce="privileged"), {"hostNetwork": True}
    new = pod("p", name, **what)
    return Pair([tight], [loose, new], [tight, new], f"Pod {name}/p", f"Namespace {name}", [])


def _limit(pruned: bool) -> Callable[[str], Pair]:
    def pair(name: str) -> Pair:
        tight, loose, new = limits(name, "1Gi"), limits(name, "4Gi"), pod("p", name, "2Gi")
        kept = objects.config_map("kept", name)
        after = [kept, new] if pruned else [kept, loose, new]
        outside = [objects.namespace(name)]
        return Pair([kept, tight], after, [kept, tight, new], f"Pod {name}/p", f"LimitRange {name}/limits", outside)

    return pair


def _class(kind: str, field: str, **rest: Any) -> Callable[[str], Pair]:
    def pair(name: str) -> Pair:
        kept, new = objects.config_map(name), pod(name, **{field: name})
        return Pair(
            [kept], [kept, make(kind, name, **rest), new], [kept, new], f"Pod default/{name}", f"{kind} {name}", []
        )

    return pair


def default_class(name: str) -> Pair:
    """Another PriorityClass becomes the default one."""
    old = make("PriorityClass", f"{name}-a", value=1, globalDefault=True)
    new = make("PriorityClass", f"{name}-b", value=2, globalDefault=True)
    free = make("PriorityClass", f"{name}-a", value=1)
    return Pair([old], [free, new], [old, new], f"PriorityClass {name}-b", f"PriorityClass {name}-a", [])


def _port(port: int, pruned: bool) -> Callable[[str], Pair]:
    def pair(name: str) -> Pair:
        old, new, kept = service(f"{name}-a", port), service(f"{name}-b", port), objects.config_map(name)
        after = [kept, new] if pruned else [kept, service(f"{name}-a", port + 1), new]
        title = f"Service default/{name}-"
        return Pair([kept, old], after, [kept, old, new], f"{title}b", f"{title}a", [])

    return pair


def _port_dropped(name: str) -> Pair:
    """A port goes with its number, beside one whose number was assigned."""
    kept, goes = {"name": "http", "port": 80}, {"name": "https", "port": 443, "nodePort": 30012}
    old, free = service(f"{name}-a", ports=[kept, goes]), service(f"{name}-a", ports=[kept])
    new, title = service(f"{name}-b", 30012), f"Service default/{name}-"
    return Pair([old], [free, new], [old, new], f"{title}b", f"{title}a", [])


def _health_check_policy(name: str) -> Pair:
    """Another policy gives the port of the health check up."""
    local = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30013}
    old = service(f"{name}-a", **local)
    free = service(f"{name}-a", type="LoadBalancer", externalTrafficPolicy="Cluster")
    new, title = service(f"{name}-b", 30013), f"Service default/{name}-"
    return Pair([old], [free, new], [old, new], f"{title}b", f"{title}a", [])


def _health_check_port(name: str) -> Pair:
    spec = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30010}
    old, new, kept = service(f"{name}-a", **spec), service(f"{name}-b", **spec), objects.config_map(name)
    return Pair(
        [kept, old], [kept, new], [kept, old, new], f"Service default/{name}-b", f"Service default/{name}-a", []
    )


def _policy(name: str, after: Callable[[Obj, Obj], list[Obj]], on: str, **spec: Any) -> Pair:
    ns, new = labelled(objects.namespace(name), policy=name), objects.config_map("new", name)
    tight, bound = policy(name, "false", **spec), binding(name, policy=name)
    return Pair(
        [tight, bound],
        [*after(tight, bound), new],
        [tight, bound, new],
        f"ConfigMap {name}/new",
        on.replace("{}", name),
        [ns],
    )


def policy_changed(name: str) -> Pair:
    """A policy that allows it from now on."""
    return _policy(name, lambda _, bound: [policy(name, "true"), bound], "ValidatingAdmissionPolicy {}")


def policy_pruned(name: str) -> Pair:
    """A policy that goes, and its binding."""
    return _policy(name, lambda *_: [], "ValidatingAdmissionPolicy {}, ValidatingAdmissionPolicyBinding {}")


def binding_changed(name: str) -> Pair:
    """A binding to other namespaces."""
    return _policy(
        name, lambda tight, _: [tight, binding(name, policy="others")], "ValidatingAdmissionPolicyBinding {}"
    )


def namespace_changed(name: str) -> Pair:
    """A namespace that leaves the policy's selector."""
    ns = objects.namespace(name)
    tight, bound, new = policy(name, "false"), binding(name, policy=name), objects.config_map("new", name)
    before = [tight, bound, labelled(ns, policy=name)]
    return Pair(before, [tight, bound, ns, new], [*before, new], f"ConfigMap {name}/new", f"Namespace {name}", [])


def _parameters(created: bool) -> Callable[[str], Pair]:
    def pair(name: str) -> Pair:
        ns, new = labelled(objects.namespace(name), policy=name), objects.config_map("new", name)
        kind = {"apiVersion": "v1", "kind": "LimitRange"}
        rule = policy(name, "params.spec.limits[0].max.memory == '4Gi'", paramKind=kind)
        bound = with_parameters(binding(name, policy=name), "limits")
        bound["spec"]["paramRef"]["namespace"] = f"{name}-p"
        tight, loose = limits(f"{name}-p", "1Gi"), limits(f"{name}-p", "4Gi")
        before = [rule, bound] if created else [rule, bound, tight]
        outside = [ns, objects.namespace(f"{name}-p")]
        on = f"LimitRange {name}-p/limits"
        return Pair(before, [rule, bound, loose, new], [*before, new], f"ConfigMap {name}/new", on, outside)

    return pair


PAIRS: dict[str, Callable[[str], Pair]] = {
    "definition-field": _schema(_new_field),
    "definition-enum": _schema(_enum),
    "definition-type": _schema(_type),
    "definition-minimum": _schema(_bound),
    "definition-required": _schema(_required),
    "definition-rule": _schema(_rule),
    "definition-version": _schema(_version),
    "pod-security": pod_security,
    "limit-changed": _limit(False),
    "limit-pruned": _limit(True),
    "priority-class": _class("PriorityClass", "priorityClassName", value=1000),
    "runtime-class": _class("RuntimeClass", "runtimeClassName", handler="kata"),
    "default-priority": default_class,
    "port-changed": _port(30001, False),
    "port-pruned": _port(30005, True),
    "port-dropped": _port_dropped,
    "health-check-policy": _health_check_policy,
    "health-check-port": _health_check_port,
    "policy-changed": policy_changed,
    "policy-pruned": policy_pruned,
    "binding-changed": binding_changed,
    "namespace-changed": namespace_changed,
    "parameters-changed": _parameters(False),
    "parameters-created": _parameters(True),
}
