"""Alertmanager's configuration, from the receivers of the pillar. Pure; the result contains secrets."""

from __future__ import annotations

from typing import Any

NOBODY = "nobody"
TITLE = "{{ .Status | toUpper }} {{ .CommonLabels.alertname }} ({{ .CommonLabels.severity }})"
TEXT = "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.description }}\n{{ end }}"


def configuration(service: dict[str, Any]) -> dict[str, Any]:
    """Return ``alertmanager.yml`` as data. service: the model's ``services:prometheus``.

    Every receiver gets all alerts that match, so that two may get the same one. An alert without a receiver is only
    shown.
    """
    receivers = service["receivers"]
    ordinary = [_route(name, one) for name, one in receivers.items() if one["severities"]]
    return {
        "global": {"resolve_timeout": "5m", **_smtp(service["smtp"] or {})},
        "route": {
            "receiver": NOBODY,
            "group_by": ["alertname", "namespace"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": service["repeat"],
            "routes": [*_watchdog(receivers), *ordinary],
        },
        "inhibit_rules": [_inhibited_by("critical", "warning|info"), _inhibited_by("warning", "info")],
        "receivers": [{"name": NOBODY}, *(_receiver(name, one) for name, one in receivers.items())],
    }


def _smtp(smtp: dict[str, Any]) -> dict[str, Any]:
    if not smtp:
        return {}
    found = {
        "smtp_smarthost": smtp["server"],
        "smtp_from": smtp["from"],
        "smtp_require_tls": smtp["tls"] is not False,
        "smtp_auth_username": smtp["username"],
        "smtp_auth_password": smtp["password"],
    }
    return {key: value for key, value in found.items() if value is not None}


def _watchdog(receivers: dict[str, Any]) -> list[dict[str, Any]]:
    """The alert that always fires goes to receivers with ``watchdog``, every 5 minutes, and to no other."""
    match = {"matchers": ['alertname="Watchdog"']}
    often = {"group_wait": "0s", "group_interval": "1m", "repeat_interval": "5m", "continue": True}
    wanted = [{**match, "receiver": name, **often} for name, one in receivers.items() if one["watchdog"]]
    return [*wanted, {**match, "receiver": NOBODY}]


def _route(name: str, receiver: dict[str, Any]) -> dict[str, Any]:
    matchers = [f'severity=~"{"|".join(receiver["severities"])}"']
    if receiver["namespaces"]:
        matchers.append(f'namespace=~"{"|".join(receiver["namespaces"])}"')
    return {"matchers": matchers, "receiver": name, "continue": True}


def _inhibited_by(severity: str, others: str) -> dict[str, Any]:
    """Of two alerts with the same name and labels, only the more severe one is sent."""
    return {
        "source_matchers": [f'severity="{severity}"'],
        "target_matchers": [f'severity=~"{others}"'],
        "equal": ["alertname", "namespace", "node", "instance"],
    }


def _receiver(name: str, receiver: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "email_configs": [{"to": address, "send_resolved": True} for address in receiver["email"]],
        "webhook_configs": [{"url": url, "send_resolved": True} for url in receiver["webhooks"]],
    }
    if receiver["mattermost"]:
        found["slack_configs"] = [
            {"api_url": receiver["mattermost"], "send_resolved": True, "title": TITLE, "text": TEXT}
        ]
    return {"name": name, **{key: value for key, value in found.items() if value}}
