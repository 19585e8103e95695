"""``kubectl auth can-i``: what the API server allows to us, or to another user by impersonation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import Kubectl

AUTHORIZATION = "authorization.k8s.io/v1"


def is_allowed(
    kubectl: Kubectl, verb: str, resource: str, namespace: str | None, name: str | None, who: Sequence[str]
) -> bool:
    """Return whether an action is allowed.

    resource: ``pods``, ``deployments.apps``, ``pods/log``, a short name or a kind, or a path such as ``/metrics``;
    namespace: None for all of them; who: what impersonation() returned. Raises UnknownKind for an unknown resource.
    """
    if resource.startswith("/"):
        spec: dict[str, Any] = {"nonResourceAttributes": {"verb": verb, "path": resource}}
    else:
        base, _, sub = resource.partition("/")
        plural, group = ("*", "*") if base == "*" else _resolve(kubectl, base)
        about = {
            "verb": verb,
            "resource": plural,
            "group": group,
            "subresource": sub,
            "namespace": namespace,
            "name": name,
        }
        spec = {"resourceAttributes": {field: value for field, value in about.items() if value}}
    return bool(_review(kubectl, "SelfSubjectAccessReview", spec, who).get("allowed"))


def list_rules(kubectl: Kubectl, namespace: str, who: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rules that apply in a namespace: ``verbs``, ``resources``, ``names`` (empty: all), sorted."""
    status = _review(kubectl, "SelfSubjectRulesReview", {"namespace": namespace}, who)
    found = []
    for rule in status.get("resourceRules") or []:
        groups = rule.get("apiGroups") or [""]
        resources = [f"{name}.{group}" if group else name for group in groups for name in rule.get("resources") or []]
        found.append({"verbs": rule["verbs"], "resources": resources, "names": rule.get("resourceNames") or []})
    for rule in status.get("nonResourceRules") or []:
        found.append({"verbs": rule["verbs"], "resources": rule.get("nonResourceURLs") or [], "names": []})
    return sorted(found, key=lambda rule: (rule["resources"], rule["verbs"]))


def impersonation(user: str | None, groups: str | Sequence[str] | None) -> list[str]:
    """Return kubectl's arguments to impersonate a user; the API server refuses groups without a user."""
    groups = [groups] if isinstance(groups, str) else list(groups or ())
    if groups and not user:
        raise errors.Invalid("as_group: expected as_user with it", "as_user", "missing")
    return ([f"--as={user}"] if user else []) + [f"--as-group={group}" for group in groups]


def _resolve(kubectl: Kubectl, resource: str) -> tuple[str, str]:
    """Return a resource's plural and group. Without this, a misspelt resource would count as forbidden."""
    wanted, _, group = resource.lower().partition(".")
    for line in kubectl.run("api-resources", "--no-headers").splitlines():
        fields = line.split()  # name, short names (or none), group and version, namespaced, kind
        if len(fields) < 4:
            continue
        served_group = fields[-3].rpartition("/")[0]
        names = {fields[0], fields[-1].lower(), *(fields[1].split(",") if len(fields) > 4 else ())}
        if wanted in names and (not group or group == served_group):
            return fields[0], served_group
    raise api_errors.UnknownKind(
        f"the API server does not know the resource {resource}: is its CustomResourceDefinition installed?", resource
    )


def _review(kubectl: Kubectl, kind: str, spec: dict[str, Any], who: Sequence[str]) -> dict[str, Any]:
    review = {"apiVersion": AUTHORIZATION, "kind": kind, "spec": spec}
    # without validation: for that kubectl reads the API's schema, which the user may not be allowed to read
    arguments = ["create", "--filename=-", "--validate=false", *who]
    return kubectl.objects(*arguments, stdin=json.dumps(review), what=kind)[0].get("status") or {}
