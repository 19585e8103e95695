"""Prometheus: metrics, their retention, and who receives alerts."""

from __future__ import annotations

from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.types import Bool, Enum, Int, Key, List, Map, Report, Secret, Section, Text
from saltk8s.services import common

MEANING = "Metrics, alerts and dashboards: Prometheus, Alertmanager and their exporters."
NAMESPACE = "monitoring"
NAMESPACES = (NAMESPACE, "monitoring-nodes")
PATH = ("k8s", "services", "prometheus")
SEVERITIES = ("critical", "warning", "info")

_Email = Text("an e-mail address", r"[^\s@<>\"']+@[A-Za-z0-9.-]+", 254, doc="e-mail address")
_HookUrl = Secret("", "an http:// or https:// URL", "secret: URL", pattern=r"https?://[^\s/]+(/\S*)?")
_Server = Text("a mail server as host:port", r"[A-Za-z0-9.-]+:\d{1,5}", 260, doc="host:port")
_Probe = Text(
    "an address: http://..., https://..., tcp://host:port, or tls://host:port, without a password in it",
    r"(https?://[^\s/@]+(/[^\s@]*)?|(tcp|tls)://[A-Za-z0-9.-]+:\d{1,5})",
    doc="URL",
)

_RECEIVER = Section(
    {
        "email": Key(List(_Email), "Mail addresses.", example=["ops@osug.example"]),
        "webhooks": Key(
            List(_HookUrl),
            "URLs that Alertmanager's JSON is sent to by POST, such as a bridge to Matrix. A URL is "
            "often a credential: "
            "keep it with the secrets.",
        ),
        "mattermost": Key(_HookUrl, "An incoming webhook of Mattermost (or Slack); keep it with the secrets."),
        "severities": Key(
            List(Enum(*SEVERITIES)),
            "Severities of the alerts it receives; `[]` for the watchdog only.",
            example=["critical"],
        ),
        "namespaces": Key(
            List(values.DnsLabel), "Only alerts about these namespaces; all when empty.", example=["resif"]
        ),
        "watchdog": Key(
            Bool(), "Whether it receives the alert that always fires, every 5 minutes: a dead man's switch."
        ),
    }
)

_SMTP = Section(
    {
        "server": Key(_Server, "The mail server.", True, "smtp.osug.example:587"),
        "from": Key(_Email, "Sender of the mails.", True, "k8s@osug.example"),
        "username": Key(Text(), "User name, where the server requires one.", example="k8s"),
        "password": Key(values.password(""), "The user's password; the admin only."),
        "tls": Key(Bool(), "Whether the server must offer STARTTLS. Default: true."),
    },
    optional=True,
)

_GRAFANA = Section(
    {
        "image": Key(values.Image, "Grafana's image.", True, "docker.io/grafana/grafana:12.1.0"),
        "host": Key(
            values.DnsName,
            "Host name under which Traefik serves it. Without one, use `kubectl port-forward`.",
            example="grafana.osug.example",
        ),
        "admin_password": Key(values.password("admin"), "Password of its user `admin`; the admin minion only.", True),
    },
    optional=True,
)

SCHEMA = Section(
    {
        "enabled": common.ENABLED,
        "version": Key(values.ReleaseVersion, "Prometheus' version; the other images have tags of their own."),
        "images": common.images(
            "prometheus",
            "alertmanager",
            "node_exporter",
            "kube_state_metrics",
            "blackbox_exporter",
            "prom_label_proxy",
        ),
        "retention": Key(values.Duration, "Retention, within `size_gib`."),
        "size_gib": Key(Int(1, 65536, "GiB"), "Size of the volume; the oldest data is deleted at 80 % of it."),
        "storage": Key(
            values.DnsName,
            "Storage class of its volumes: disks, not NFS. Without one, data is lost with the pods.",
            example="san",
        ),
        "memory_mib": Key(Int(128, 1048576, "MiB"), "Memory limit of Prometheus; about 1 GiB for 100 pods."),
        "scrape_interval_s": Key(Int(5, 120, "seconds"), "Scrape interval."),
        "log_level": Key(Enum("debug", "info", "warn", "error"), "Log level."),
        "external_url": Key(values.Url, "External URL of Prometheus, for links in messages."),
        "receivers": Key(
            Map(values.DnsLabel, _RECEIVER), "Receivers of alerts, by name. Without one, alerts are only shown."
        ),
        "smtp": Key(_SMTP, "The mail server for `email` of receivers."),
        "repeat": Key(values.Duration, "Interval after which a message is repeated while the alert fires."),
        "limits": Key(
            Section(
                {
                    "backup_age": Key(
                        values.Duration,
                        "Maximum age of the last successful backup. "
                        "Default: two intervals of its schedule, and half an hour.",
                    ),
                    "drift_age": Key(values.Duration, "Maximum age of the last drift check."),
                }
            ),
            "Thresholds of alerts that depend on the site.",
        ),
        "probes": Key(
            Map(values.DnsLabel, _Probe),
            "Addresses that must answer, by name; for https and tls, the certificate's expiry is checked, too.",
            example={"portal": "https://portal.osug.example"},
        ),
        "pods": Key(
            Section(
                {
                    "enabled": Key(
                        Bool(),
                        "Whether pods annotated with `prometheus.io/scrape` and `prometheus.io/port` are scraped.",
                    ),
                    "sample_limit": Key(
                        Int(1, 1000000), "Samples of one such pod, at most, and 2 KB of text for each."
                    ),
                }
            ),
            "Metrics of the tenants' pods.",
        ),
        "readers": Key(
            List(values.DnsLabel),
            "Namespaces that may query their own metrics: each gets "
            "`http://metrics-NAMESPACE.monitoring:8080`, limited "
            "to that namespace.",
            example=["resif"],
        ),
        "grafana": Key(_GRAFANA, "Grafana with the platform's dashboards; deployed when its image is set."),
        "rules": Key(
            List(values.SaltSource),
            "Further rule files, in Prometheus' format.",
            example=["salt://site/rules.yaml"],
        ),
    }
)


def _receivers(model: dict[str, Any], report: Report) -> None:
    """A receiver has at least one channel; mail needs a server. Secret channels are known to the admin only."""
    service = common.enabled(model, "prometheus") or {}
    for name, receiver in (service.get("receivers") or {}).items():
        path = (*PATH, "receivers", name)
        channels = [receiver[key] for key in ("email", "webhooks", "mattermost")]
        if not any(channels) and "admin" in report.secrets_of and not report.has_problem_at(*path):
            report.add(path, "one of email, webhooks, mattermost", "none")
        if receiver["email"] and service["smtp"] is None and not report.has_problem_at(*PATH, "smtp"):
            report.add((*PATH, "smtp"), "a mail server (server, from), because receivers have email", "nothing")


def _passwords(model: dict[str, Any], report: Report) -> None:
    """A user name has a password on the admin."""
    service = common.enabled(model, "prometheus")
    if not service or "admin" not in report.secrets_of:
        return
    smtp = service["smtp"] or {}
    if smtp.get("username") and not smtp["password"] and not report.has_problem_at(*PATH, "smtp", "password"):
        report.add((*PATH, "smtp", "password"), "the password of k8s:services:prometheus:smtp:username", "nothing")


def _ages(model: dict[str, Any], report: Report) -> None:
    """A limit beyond the retention could never raise an alert."""
    service = common.enabled(model, "prometheus")
    limits, kept = (service or {}).get("limits") or {}, (service or {}).get("retention")
    for key, limit in limits.items():
        if limit and kept and values.seconds(limit) >= values.seconds(kept):
            expected = f"less than retention, {kept}"
            report.add((*PATH, "limits", key), expected, redact.show(limit))


def _on_a_disk(model: dict[str, Any], report: Report) -> None:
    """Prometheus memory-maps its files, which NFS does not support: the pod would exit at once."""
    service = common.enabled(model, "prometheus")
    exports = (common.enabled(model, "nfs") or {}).get("exports") or {}
    disks = (common.enabled(model, "vsphere") or {}).get("storage_classes") or {}
    if service and service["storage"] in exports and service["storage"] not in disks:
        report.add((*PATH, "storage"), "a storage class of disks; this one is NFS", redact.show(service["storage"]))


RULES = (_receivers, _passwords, _ages, _on_a_disk)
