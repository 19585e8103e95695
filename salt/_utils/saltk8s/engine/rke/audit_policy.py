"""The API server's audit policy: who changed what, never the content of anything that may hold a secret."""

from __future__ import annotations

from typing import Any

PATH = "/var/log/kube-audit/audit-log.json"  # on the control plane nodes; a folder that rke mounts
MAX_BACKUPS = 30  # 3 GB: the log must not fill a control plane's disk, whatever keep_days is
MAX_SIZE_MB = 100
_OWN = ("apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler")


def policy() -> dict[str, Any]:
    """Return the policy: the first rule that matches decides.

    The cluster's own reading is left out (it would be nearly all of the log); Secrets, ConfigMaps and tokens are
    recorded without content; what decides about access is recorded with it; all the rest by who, what and when.
    """
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [*_noise(), *_secret(), *_access(), {"level": "Metadata"}],
    }


def log(enabled: bool, keep_days: int) -> dict[str, Any]:
    """Return rke's ``audit_log`` section. keep_days: age in days at which a file is deleted."""
    if not enabled:
        return {"enabled": False}  # explicit, because rke enables it when the section is missing
    return {
        "enabled": True,
        "configuration": {
            "max_age": keep_days,
            "max_backup": MAX_BACKUPS,
            "max_size": MAX_SIZE_MB,
            "path": PATH,
            "format": "json",
            "policy": policy(),
        },
    }


def _noise() -> list[dict[str, Any]]:
    reading = ["get", "list", "watch"]
    return [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi*", "/metrics"]},
        {"level": "None", "resources": [{"group": "", "resources": ["events"]}, {"group": "events.k8s.io"}]},
        {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
        # two rules: users and groups in one would have to match both
        {"level": "None", "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"], "verbs": reading},
        {"level": "None", "users": [f"system:{name}" for name in _OWN], "verbs": reading},
    ]


def _secret() -> list[dict[str, Any]]:
    return [
        {
            "level": "Metadata",
            "resources": [
                {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]},
                {"group": "authentication.k8s.io", "resources": ["tokenreviews"]},
            ],
        }
    ]


def _access() -> list[dict[str, Any]]:
    return [
        {
            "level": "Request",
            "verbs": ["create", "update", "patch", "delete", "deletecollection"],
            "resources": [
                {"group": "", "resources": ["namespaces", "resourcequotas", "limitranges"]},
                {"group": "rbac.authorization.k8s.io"},
                {"group": "networking.k8s.io", "resources": ["networkpolicies", "ingresses"]},
            ],
        }
    ]
