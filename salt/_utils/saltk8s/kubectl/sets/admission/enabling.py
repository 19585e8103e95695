"""Which pending changes of a run could make the API server accept an object that it rejects now.

A commit may enable itself: a definition's new field and the object that uses it, a namespace's Pod Security level and
the pod that it allows. The second is rejected by a dry run until the first is written. ``RULES`` is what is known of
that: a change to an object of some kind, a class of rejection, and what the two have to have in common.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.manifests.identity import Key, Kind, defined_kinds, defined_versions, key_of, kind_of
from saltk8s.kubectl.sets.actions import CHANGE, DELETE, REPLACE, Action
from saltk8s.kubectl.sets.admission import related
from saltk8s.kubectl.sets.admission.related import Admission, Parameters, Webhook

Object = Mapping[str, Any]


class Pending(NamedTuple):
    """An object that this run writes or deletes: as it is live and as it is declared, None where it is neither."""

    action: Action
    old: Object | None
    new: Object | None

    @property
    def key(self) -> Key:
        """The object's key."""
        return self.action.key

    @property
    def versions(self) -> list[Object]:
        """Both versions, of those that there are."""
        return [obj for obj in (self.old, self.new) if obj is not None]


class Rejected(NamedTuple):
    """An object that the API server rejects, its answer, and what stands behind that."""

    key: Key
    obj: Object
    error: errors.SaltK8sError
    webhook: Webhook | None = None
    parameters: Parameters | None = None

    @property
    def text(self) -> str:
        """The answer as text."""
        return str(self.error)


# -- classes of rejection

KIND, SCHEMA, USER, WEBHOOK, WEBHOOK_FAILED = "kind", "schema", "user", "webhook", "webhook failed"
POD_SECURITY, QUOTA, LIMIT, POLICY, RESIZE = "pod security", "quota", "limit", "policy", "resize"
NOT_FOUND, ESCALATION, ALLOCATED, DEFAULTS = "not found", "escalation", "allocated", "defaults"

_POLICY = re.compile(r"AdmissionPolicy '(?P<policy>[^']+)' with binding '(?P<binding>[^']+)' denied request")
_TEXTS = (
    (POLICY, _POLICY),
    (ESCALATION, re.compile(r"attempting to grant RBAC permissions not currently held")),
    (POD_SECURITY, re.compile(r"violates PodSecurity")),
    (QUOTA, re.compile(r"(?:exceeded|failed) quota|insufficient quota|unable to create .* quota")),
    (LIMIT, re.compile(r"(?:maximum|minimum) \S+ usage per|limit to request ratio per")),
    (RESIZE, re.compile(r"storageclass that provisions the pvc must support resize")),
    (ALLOCATED, re.compile(r"provided (?:port|IP|node port) is (?:already|not) allocated|port is already allocated")),
    (DEFAULTS, re.compile(r"Only one default can exist")),
    (NOT_FOUND, re.compile(r"not found|no PriorityClass with name|computed \S+ from the given PriorityClass")),
)
_WEBHOOK_TYPES = ((api_errors.WebhookFailed, WEBHOOK_FAILED), (api_errors.Denied, WEBHOOK))
_TYPES = (
    (api_errors.UnknownKind, KIND),
    (api_errors.NotFound, KIND),  # of a kind: discovery knew it a moment ago
    (errors.Unauthorized, USER),
)
_ABOUT_AN_OBJECT = {POLICY, ESCALATION, POD_SECURITY, QUOTA, LIMIT, RESIZE, ALLOCATED, DEFAULTS}


def rejections(err: errors.SaltK8sError) -> set[str]:
    """Return the classes that a rejection may be of; none when nothing could lift it."""
    for kind, name in _WEBHOOK_TYPES:  # their texts may contain any words
        if isinstance(err, kind):
            return {name}
    found = {name for name, pattern in _TEXTS if pattern.search(str(err))}
    found |= {name for kind, name in _TYPES if isinstance(err, kind)}
    return found | {SCHEMA} if isinstance(err, errors.Invalid) and err.by != "admission" else found


def about_an_object(err: errors.SaltK8sError) -> bool:
    """Return whether an error is about one of several objects: another one of them may be accepted."""
    return not isinstance(err, api_errors.NOT_ABOUT_AN_OBJECT) or bool(rejections(err) & _ABOUT_AN_OBJECT)


# -- what the two have in common

Relation = Callable[[Pending, Rejected], bool]


def explained(key: Key, obj: Object, error: errors.SaltK8sError, admission: Admission) -> Rejected:
    """Return a rejection with what stands behind it."""
    if isinstance(error, api_errors.WebhookFailed):
        return Rejected(key, obj, error, webhook=admission.webhook(error.webhook))
    policy = _POLICY.search(str(error))
    if policy:
        return Rejected(key, obj, error, parameters=admission.parameters(policy["policy"], policy["binding"]))
    return Rejected(key, obj, error)


def _any(pending: Pending, rejected: Rejected) -> bool:
    return True


def _defines(pending: Pending, rejected: Rejected) -> bool:
    return (rejected.key.group, rejected.key.kind) in defined_kinds(pending.versions)


def _redefines(pending: Pending, rejected: Rejected) -> bool:
    return pending.old is not None and _defines(pending, rejected)  # the schema of a new one is the only one there is


def _serves(pending: Pending, rejected: Rejected) -> bool:
    kind = kind_of(rejected.obj)
    return any(related.served(obj) == (kind.group, kind.version) for obj in pending.versions)


def _contains(pending: Pending, rejected: Rejected) -> bool:
    return pending.key.name == rejected.key.namespace


def _beside(pending: Pending, rejected: Rejected) -> bool:
    return pending.key.namespace == rejected.key.namespace


def _gives_room(pending: Pending, rejected: Rejected) -> bool:
    return pending.action.verb in (CHANGE, DELETE, REPLACE) and _beside(pending, rejected)


def _named(pending: Pending, rejected: Rejected) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(pending.key.name)}(?![\w.-]*\w)", rejected.text) is not None


def _missing(pending: Pending, rejected: Rejected) -> bool:
    """The API server misses an object of this kind and name."""
    words = re.sub(r"[^a-z]", "", rejected.text.lower())
    same_place = pending.key.namespace in ("", rejected.key.namespace)
    return (
        pending.action.verb != DELETE and same_place and pending.key.kind.lower() in words and _named(pending, rejected)
    )


def _has_webhook(pending: Pending, rejected: Rejected) -> bool:
    name = getattr(rejected.error, "webhook", "")
    return any(related.has_webhook(obj, name) for obj in pending.versions)


def _same_product(pending: Pending, rejected: Rejected) -> bool:
    """What a webhook looks at besides the object itself: others of its kind, resources of its own API group."""
    group, name = pending.key.group, getattr(rejected.error, "webhook", "")
    if Kind(group, "", "").custom and (group == rejected.key.group or related.product(group) in name.split(".")):
        return True
    return group == "networking.k8s.io" and pending.key[:2] == rejected.key[:2]


def _is_parameter(pending: Pending, rejected: Rejected) -> bool:
    return rejected.parameters is not None and rejected.parameters.has(pending.key)


def _behind_webhook(pending: Pending, rejected: Rejected) -> bool:
    namespace = rejected.webhook.namespace if rejected.webhook else ""
    return bool(namespace) and namespace == pending.key.namespace


def _class_of_claim(pending: Pending, rejected: Rejected) -> bool:
    return pending.key.name == (rejected.obj.get("spec") or {}).get("storageClassName", pending.key.name)


def _frees(pending: Pending, rejected: Rejected) -> bool:
    return bool(related.freed(pending.old, pending.new) & related.allocations(rejected.obj))


class Rule(NamedTuple):
    """A change to an object of ``kinds`` (none: any kind) may lift ``rejections`` of what it has ``relation`` to."""

    kinds: tuple[str, ...]
    rejections: tuple[str, ...]
    relation: Relation


_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_POLICIES = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
_RBAC = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")

RULES = (
    Rule(("CustomResourceDefinition", "ConstraintTemplate"), (KIND,), _defines),
    Rule(("CustomResourceDefinition", "ConstraintTemplate"), (SCHEMA,), _redefines),
    Rule(("APIService",), (KIND, SCHEMA), _serves),
    Rule(("Namespace",), (POD_SECURITY, POLICY, WEBHOOK, NOT_FOUND, WEBHOOK_FAILED), _contains),
    Rule(("ResourceQuota",), (QUOTA,), _beside),
    Rule((), (QUOTA,), _gives_room),
    Rule(("LimitRange",), (LIMIT, QUOTA), _beside),
    Rule(_POLICIES, (POLICY,), _named),
    Rule((), (POLICY,), _is_parameter),
    Rule(_WEBHOOKS, (WEBHOOK, WEBHOOK_FAILED), _has_webhook),
    Rule((), (WEBHOOK,), _same_product),
    Rule((), (WEBHOOK_FAILED,), _behind_webhook),
    Rule((), (NOT_FOUND,), _missing),
    Rule(("StorageClass",), (RESIZE,), _class_of_claim),
    Rule(_RBAC, (ESCALATION, USER), _any),
    Rule(("Service",), (ALLOCATED,), _frees),
    Rule(("PriorityClass",), (DEFAULTS,), _any),
)


def enablers(rejected: Rejected, pending: Iterable[Pending]) -> list[Key]:
    """Return the pending changes, of which any could make an object accepted; none: it is rejected for good."""
    verdicts = rejections(rejected.error)
    rules = [rule for rule in RULES if verdicts.intersection(rule.rejections)]
    return [
        item.key
        for item in pending
        if item.key != rejected.key
        and any((not rule.kinds or item.key.kind in rule.kinds) and rule.relation(item, rejected) for rule in rules)
    ]


def bringing(kinds: Iterable[Kind], objects: Iterable[Object]) -> dict[Kind, list[Key]]:
    """Return which of the objects bring each kind: definitions and APIServices."""
    found: dict[Kind, list[Key]] = {kind: [] for kind in kinds}
    for obj in objects if found else ():
        defined, versions = defined_kinds([obj]), defined_versions([obj])
        for kind, keys in found.items():
            in_definition = kind in versions if versions else kind.gk in defined
            if in_definition or related.served(obj) == (kind.group, kind.version):
                keys.append(key_of(obj))
    return found
