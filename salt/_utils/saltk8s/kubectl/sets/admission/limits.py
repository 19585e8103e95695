"""Pods and claims that a LimitRange of the same set rejects: told before the LimitRange is written.

A dry run cannot tell: the API server knows the LimitRange only when it is written. What LimitRanger does is computed
instead, and only what is certain counts: a value that two LimitRanges fill in differently is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from saltk8s.base import errors, quantity
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare.dry_run import Errors
from saltk8s.kubectl.manifests.identity import Key, key_of
from saltk8s.kubectl.sets.actions import ADOPT, CHANGE, CREATE, DELETE, REPLACE, Action, Plan
from saltk8s.kubectl.sets.admission import contradictions, related
from saltk8s.kubectl.sets.reader import Objects

Object = Mapping[str, Any]
Amounts = Mapping[str, Decimal | None]  # by resource; None: it has one that is not known

_KIND = ("", "LimitRange")
_TEMPLATES = {
    "Deployment": ("template",),
    "StatefulSet": ("template",),
    "DaemonSet": ("template",),
    "ReplicaSet": ("template",),
    "ReplicationController": ("template",),
    "Job": ("template",),
    "CronJob": ("jobTemplate", "spec", "template"),
}
_GROUPS = ("", "apps", "batch")
_NOTHING = Decimal(0)


class Resources(NamedTuple):
    """What a container, a pod or a claim asks for."""

    what: str
    requests: Amounts
    limits: Amounts


class Default(NamedTuple):
    """What the LimitRanges of a namespace fill in where a container says nothing."""

    requests: Amounts
    limits: Amounts


def rejected(kubectl: Kubectl, plan: Plan, declared: Objects) -> Errors:
    """Return what LimitRanges of a set will reject of what its plan writes.

    Where a webhook changes pods, nothing of a pod is certain: that becomes a note of the plan.
    """
    ranges: dict[str, list[Key]] = {}
    for key in declared:
        if key[:2] == _KIND:
            ranges.setdefault(key.namespace, []).append(key)
    found: Errors = {}
    late = contradictions.tightened(plan) if ranges else set()
    early = {key for key, action in plan.actions.items() if action.verb in (CREATE, CHANGE, ADOPT)} - late
    for namespace, keys in ranges.items():
        written = [action for key, action in plan.actions.items() if key.namespace == namespace]
        wanted = {action.key: list(_demands(action, declared)) for action in written if action.verb != DELETE}
        live = _live(kubectl, namespace) if any(wanted.values()) else None
        if live is not None:
            default = _default([*live, *(declared[key] for key in keys)])
            for key, demands in wanted.items():
                at_once = key.kind in ("Pod", "PersistentVolumeClaim")
                valid = [declared[one] for one in keys if not at_once or one in early]
                text = "; ".join(_broken(demands, valid, default))
                if text:
                    found[key] = errors.Invalid(f"{key.title}: {text}", "", text, "admission")
    pods = [key for key in found if key.kind != "PersistentVolumeClaim"]
    if pods and related.may_change(kubectl, declared.values(), "", "pods"):
        plan.notes += [f"{found.pop(key)}, unless a webhook changes its pods" for key in pods]
    return found


# -- what is asked for


class Demand(NamedTuple):
    """What LimitRanger judges: a pod's spec, or that of a claim."""

    of: str  # in which part of an object, "" for the object itself
    pod: Object | None
    claim: Object | None


def _demands(action: Action, declared: Objects) -> Iterator[Demand]:
    """Return what an action asks for; none when no pod is made of it, or no new one."""
    key, spec = action.key, _map(declared.get(action.key, {}).get("spec"))
    if key.group not in _GROUPS:
        return
    if key.kind == "Pod" and action.verb in (CREATE, REPLACE):
        yield Demand("", spec, None)
    if key.kind == "PersistentVolumeClaim":
        yield Demand("", None, spec)
    path = _TEMPLATES.get(key.kind)
    if not path or spec.get("suspend") or spec.get("replicas") == 0 or not _new_pods(action, path):
        return
    template = spec
    for name in path:
        template = _map(template.get(name))
    yield Demand("its pods", _map(template.get("spec")), None)
    for claim in _maps(spec.get("volumeClaimTemplates")):
        yield Demand("its claims", None, _map(claim.get("spec")))


def _new_pods(action: Action, path: Sequence[str]) -> bool:
    if action.verb in (CREATE, REPLACE):
        return True
    return any(steps[1 : 1 + len(path)] == path for steps in action.differences)


def _broken(demands: Iterable[Demand], ranges: Sequence[Object], default: Default) -> Iterator[str]:
    for demand in demands:
        for limit_range in ranges:
            for item in _items(limit_range):
                for resources in _judged(demand, str(item.get("type")), default):
                    for text in _violations(item, resources):
                        of = f"{demand.of}: " if demand.of else ""
                        yield f"{of}{resources.what}{text} ({key_of(limit_range).title})"


def _judged(demand: Demand, kind: str, default: Default) -> Iterator[Resources]:
    """Return what the items of a type are compared with."""
    if kind == "PersistentVolumeClaim" and demand.claim is not None:
        requests = _amounts(_map(demand.claim.get("resources")).get("requests"))
        yield Resources("", requests, {})
    if demand.pod is None or _map(demand.pod.get("resources")):  # of the whole pod: that depends on the version
        return
    containers = [_container(one, default) for one in _maps(demand.pod.get("containers"))]
    before = [(one, _container(one, default)) for one in _maps(demand.pod.get("initContainers"))]
    if kind == "Container":
        yield from containers
        yield from (resources for _, resources in before)
    if kind == "Pod":
        beside = [resources for one, resources in before if one.get("restartPolicy") == "Always"]
        alone = [resources for one, resources in before if one.get("restartPolicy") != "Always"]
        yield Resources(
            "",
            _whole([one.requests for one in (*containers, *beside)], [one.requests for one in alone], bool(beside)),
            _whole([one.limits for one in (*containers, *beside)], [one.limits for one in alone], bool(beside)),
        )


def _container(container: Object, default: Default) -> Resources:
    """Return what a container asks for, with defaults."""
    own = _map(container.get("resources"))
    limits, requests = _amounts(own.get("limits")), _amounts(own.get("requests"))
    requests = limits | requests  # the API server's own default, before LimitRanges fill in theirs
    name = f"container {container.get('name')}: "
    return Resources(name, {**default.requests, **requests}, {**default.limits, **limits})


def _whole(together: Sequence[Amounts], before: Sequence[Amounts], beside: bool) -> dict[str, Decimal | None]:
    """Return what a pod asks for: the sum of what runs together, or more when something before that needs more."""
    found: dict[str, Decimal | None] = {}
    for name in {name for one in (*together, *before) for name in one}:
        parts, single = ([one.get(name, _NOTHING) for one in some] for some in (together, before))
        known, alone = ([value for value in some if value is not None] for some in (parts, single))
        # what runs before others runs beside those of them that go on, in their order: not computed
        certain = len(known) == len(parts) and len(alone) == len(single) and not (beside and single)
        found[name] = max(sum(known, _NOTHING), *alone, _NOTHING) if certain else None
    return found


# -- what LimitRanges say


def _default(ranges: Sequence[Object]) -> Default:
    filled = [_filled_in(one) for one in ranges]
    return Default(_agreed([requests for requests, _ in filled]), _agreed([limits for _, limits in filled]))


def _agreed(filled: Sequence[Amounts]) -> dict[str, Decimal | None]:
    """Return what is filled in: by which LimitRange is chance, so it is known when they agree."""
    values: dict[str, set[Decimal | None]] = {}
    for amounts in filled:
        for name, value in amounts.items():
            values.setdefault(name, set()).add(value)
    return {name: found.pop() if len(found) == 1 else None for name, found in values.items()}


def _filled_in(limit_range: Object) -> tuple[Amounts, Amounts]:
    """Return the requests and the limits that one LimitRange fills in; its own defaults are the API server's."""
    requests: dict[str, Decimal | None] = {}
    limits: dict[str, Decimal | None] = {}
    for item in _items(limit_range):
        if item.get("type") == "Container":
            most = _amounts(item.get("max")) | _amounts(item.get("default"))
            requests |= _amounts(item.get("min")) | most | _amounts(item.get("defaultRequest"))
            limits |= most
    return requests, limits


def _violations(item: Object, resources: Resources) -> Iterator[str]:
    """Return what an item of a LimitRange does not accept, in the words of the API server."""
    kind, claim = str(item.get("type")), item.get("type") == "PersistentVolumeClaim"
    request, limit = ("request", resources.requests), ("limit", resources.limits)
    for words, field, needed, sides in (
        ("minimum", "min", request, (request,) if claim else (request, limit)),
        ("maximum", "max", request if claim else limit, (request,) if claim else (limit, request)),
    ):
        for name, bound in _amounts(item.get(field)).items():
            said = f"{words} {name} usage per {kind} is {_map(item.get(field))[name]}"
            if name not in needed[1]:
                yield f"{said}, and no {needed[0]} is specified"
            for side, amounts in sides:
                value = amounts.get(name)
                if value is not None and bound is not None and (value < bound if field == "min" else value > bound):
                    yield f"{said}, but {side} is {_shown(value)}"
                    break
    for name, bound in _amounts(item.get("maxLimitRequestRatio")).items():
        wanted, most = resources.requests.get(name, _NOTHING), resources.limits.get(name, _NOTHING)
        said = f"{name} max limit to request ratio per {kind} is {_map(item.get('maxLimitRequestRatio'))[name]}"
        if wanted == 0 or most == 0:
            yield f"{said}, but no request or limit is specified"
        elif wanted is not None and most is not None and bound is not None and most > bound * wanted:
            yield f"{said}, but request is {_shown(wanted)} and limit {_shown(most)}"


def _live(kubectl: Kubectl, namespace: str) -> list[dict[str, Any]] | None:
    """Return the LimitRanges that a namespace has now, None when they cannot be read."""
    try:
        return kubectl.objects("get", "limitranges", "--namespace", namespace)
    except errors.SaltK8sError:  # must not end a run that has nothing wrong
        return None


# -- values of any form: some have not been tried yet


def _items(limit_range: Object) -> list[Object]:
    return _maps(_map(limit_range.get("spec")).get("limits"))


def _amounts(values: Any) -> dict[str, Decimal | None]:
    return {str(name): quantity.parse(value) for name, value in _map(values).items()}


def _shown(value: Decimal) -> str:
    binary = value >= 1024 and value % 1024 == 0
    return str(quantity.canonical(f"{value // 1024:f}Ki" if binary else f"{value:f}"))


def _map(value: Any) -> Object:
    return value if isinstance(value, Mapping) else {}


def _maps(value: Any) -> list[Object]:
    return [_map(item) for item in value] if isinstance(value, list) else []
