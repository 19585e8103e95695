"""What objects have to do with each other: what the relations of ``enabling`` are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.manifests.identity import Key, key_of, set_of

Object = Mapping[str, Any]

_WEBHOOKS = "validatingwebhookconfigurations,mutatingwebhookconfigurations"


class Webhook(NamedTuple):
    """The configuration object of an admission webhook, its set, and the namespace of its Service ("": another URL)."""

    configuration: Key
    set_name: str | None
    namespace: str

    def way_out(self, own_set: str) -> str:
        """Return what to do when it cannot be called, for people."""
        key = self.configuration
        again = {None: "which no set creates again", own_set: "which this set creates again in its last wave"}
        then = again.get(self.set_name, f"which the set {self.set_name!r} creates again")
        delete = f"or delete that (kubectl.delete {key.kind} {key.name}), {then}, and run this again"
        return f"its configuration is {key.title}: mend what it calls, {delete}"


class Parameters(NamedTuple):
    """What a policy is bound to: group and kind, and the object's name ("": selected by labels)."""

    group: str
    kind: str
    name: str

    def has(self, key: Key) -> bool:
        """Return whether an object is one of them."""
        return key[:2] == self[:2] and self.name in ("", key.name)


class Admission:
    """What stands behind a rejection: asked only when there is one, and once."""

    def __init__(self, kubectl: Kubectl):
        self._kubectl = kubectl
        self._webhooks: list[dict[str, Any]] | None = None
        self._parameters: dict[tuple[str, str], Parameters | None] = {}

    def webhook(self, name: str) -> Webhook | None:
        """Return the configuration of a webhook; None when it cannot be told."""
        if self._webhooks is None:
            self._webhooks = self._read("get", _WEBHOOKS)
        for obj in self._webhooks:
            for hook in obj.get("webhooks") or ():
                if hook.get("name") == name:
                    return Webhook(key_of(obj), set_of(obj), service_namespace(hook.get("clientConfig") or {}))
        return None

    def parameters(self, policy: str, binding: str) -> Parameters | None:
        """Return what a policy's binding refers to; None when it has no parameters, or cannot be read."""
        if (policy, binding) not in self._parameters:
            kinds = (("validatingadmissionpolicy", policy), ("validatingadmissionpolicybinding", binding))
            found = {obj["kind"]: obj for kind, name in kinds for obj in self._read("get", kind, name)}
            kind = _spec(found.get("ValidatingAdmissionPolicy")).get("paramKind") or {}
            name = (_spec(found.get("ValidatingAdmissionPolicyBinding")).get("paramRef") or {}).get("name") or ""
            group = str(kind.get("apiVersion", "")).rpartition("/")[0]
            self._parameters[policy, binding] = Parameters(group, kind["kind"], name) if kind else None
        return self._parameters[policy, binding]

    def _read(self, *words: str) -> list[dict[str, Any]]:
        try:
            return self._kubectl.objects(*words, "--ignore-not-found")
        except errors.SaltK8sError:  # must not hide the rejection
            return []


def has_webhook(obj: Object, name: str) -> bool:
    """Return whether an object is the configuration of a webhook."""
    return any(hook.get("name") == name for hook in obj.get("webhooks") or ())


def may_change(kubectl: Kubectl, declared: Iterable[Object], group: str, resource: str) -> bool:
    """Return whether a webhook, live or declared, may change new objects; also when that cannot be read."""
    try:
        live = kubectl.objects("get", "mutatingwebhookconfigurations")
    except errors.SaltK8sError:
        return True
    own = [obj for obj in declared if obj["kind"] == "MutatingWebhookConfiguration"]
    rules = [rule for obj in (*live, *own) for hook in obj.get("webhooks") or () for rule in hook.get("rules") or ()]
    return any(
        {group, "*"}.intersection(rule.get("apiGroups") or ())
        and {resource, "*", "*/*"}.intersection(rule.get("resources") or ())
        for rule in rules
    )


def service_namespace(client: Mapping[str, Any]) -> str:
    """Return the namespace of the Service that a webhook's ``clientConfig`` means, by reference or by its URL."""
    service = client.get("service")
    if service:
        return service.get("namespace") or ""
    host = (urlsplit(client.get("url") or "").hostname or "").split(".")
    return host[1] if len(host) > 2 and host[2] == "svc" else ""


def product(group: str) -> str:
    """Return the name that an API group and the webhooks of the same product share: ``metallb`` of ``metallb.io``."""
    return group.split(".")[-2] if "." in group else group


def allocations(obj: Object | None) -> set[tuple[str, str]]:
    """Return what a Service holds that no other one can have: node ports and cluster IPs."""
    if not obj or obj.get("kind") != "Service":
        return set()
    spec = _spec(obj)
    ports = [port.get("nodePort") for port in spec.get("ports") or ()] + [spec.get("healthCheckNodePort")]
    addresses = [spec.get("clusterIP"), *(spec.get("clusterIPs") or ())]
    return {("port", str(port)) for port in ports if port} | {
        ("address", str(address)) for address in addresses if address not in (None, "", "None")
    }


def strip_allocations(spec: dict[str, Any], held: set[tuple[str, str]]) -> None:
    """Take out of a Service's spec what another one holds."""
    for place in [spec, *(spec.get("ports") or ())]:
        for name in ("nodePort", "healthCheckNodePort"):
            if ("port", str(place.get(name))) in held:
                place.pop(name)
    if ("address", str(spec.get("clusterIP"))) in held or not held.isdisjoint(
        ("address", str(address)) for address in spec.get("clusterIPs") or ()
    ):
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)


def put_allocations(spec: dict[str, Any], declared: Mapping[str, Any], assigned: str) -> None:
    """Put what is declared of them into a spec that the API server answered; of the others, that they are assigned."""
    for name in ("healthCheckNodePort", "clusterIP", "clusterIPs"):
        if name in spec and spec[name] not in ("None", ["None"]):
            address = declared.get("clusterIP") or (declared.get("clusterIPs") or [assigned])[0]
            spec[name] = {"clusterIP": address, "clusterIPs": declared.get("clusterIPs") or [address]}.get(
                name, declared.get(name, assigned)
            )
    ports = {(port.get("port"), port.get("protocol", "TCP")): port for port in declared.get("ports") or ()}
    for port in spec.get("ports") or ():
        if "nodePort" in port:
            own = ports.get((port.get("port"), port.get("protocol", "TCP")), {})
            port["nodePort"] = own.get("nodePort", assigned)


def freed(old: Object | None, new: Object | None) -> set[tuple[str, str]]:
    """Return what a Service holds no longer when it is changed or deleted; what is not declared any more is kept."""
    held = allocations(old)
    if not new:
        return held
    spec = _spec(new)
    if spec.get("type") == "ExternalName":
        return held
    free = held - allocations(new) - _kept_ports(_spec(old), spec)
    return {item for item in free if item[0] == "port"}


def _kept_ports(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return node ports that are not declared any more, and that the API server leaves to what they belonged to."""
    if new.get("type") not in ("NodePort", "LoadBalancer"):
        return set()
    ports = [port for port in new.get("ports") or () if not port.get("nodePort")]
    names = {port.get("name") for port in ports}
    numbers = {(port.get("port"), port.get("protocol", "TCP")) for port in ports}
    kept = [
        port.get("nodePort")
        for port in old.get("ports") or ()
        if port.get("name") in names or (port.get("port"), port.get("protocol", "TCP")) in numbers
    ]
    if new.get("externalTrafficPolicy") == "Local":
        kept.append(old.get("healthCheckNodePort"))
    return {("port", str(port)) for port in kept if port}


def served(obj: Object) -> tuple[str, str] | None:
    """Return the group and version that an APIService brings, None for other objects."""
    spec = _spec(obj)
    return (spec.get("group", ""), spec.get("version", "")) if obj.get("kind") == "APIService" else None


def _spec(obj: Object | None) -> Mapping[str, Any]:
    return (obj or {}).get("spec") or {}
