"""Prometheus: what is measured, how long it is kept, and who is told when something is wrong."""

from __future__ import annotations

from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.types import Bool, Enum, Int, Key, List, Map, Report, Secret, Section, Text
from saltk8s.services import common

MEANING = "Metrics, alerts, and pages to look at them: Prometheus, Alertmanager and their exporters."
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
        "email": Key(List(_Email), "Addresses that get a mail.", example=["ops@osug.example"]),
        "webhooks": Key(
            List(_HookUrl),
            "URLs that get Alertmanager's JSON by POST, such as a bridge to Matrix. A URL often is the password: "
            "keep it with the secrets.",
        ),
        "mattermost": Key(_HookUrl, "An incoming webhook of Mattermost (or Slack); keep it with the secrets."),
        "severities": Key(
            List(Enum(*SEVERITIES)), "Which alerts it gets; `[]` for none but the watchdog.", example=["critical"]
        ),
        "namespaces": Key(
            List(values.DnsLabel), "Only alerts about these namespaces; all when empty.", example=["resif"]
        ),
        "watchdog": Key(Bool(), "Whether it gets the alert that always fires, every 5 minutes: a dead man's switch."),
    }
)

_SMTP = Section(
    {
        "server": Key(_Server, "The mail server.", True, "smtp.osug.example:587"),
        "from": Key(_Email, "Sender of the mails.", True, "k8s@osug.example"),
        "username": Key(Text(), "User name, when the server asks for one.", example="k8s"),
        "password": Key(values.password(""), "The user's password; the admin only."),
        "tls": Key(Bool(), "Whether the server must offer STARTTLS; true unless said otherwise."),
    },
    optional=True,
)

_GRAFANA = Section(
    {
        "image": Key(values.Image, "Grafana's image.", True, "docker.io/grafana/grafana:12.1.0"),
        "host": Key(
            values.DnsName,
            "Name under which Traefik serves it. Without it, people reach it by `kubectl port-forward`.",
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
        "retention": Key(values.Duration, "How long measurements are kept, if the size allows."),
        "size_gib": Key(Int(1, 65536, "GiB"), "Size of the volume; the oldest data goes when it is used to 80 %."),
        "storage": Key(
            values.DnsName,
            "StorageClass of disks, not NFS, for its volumes. Without it, data goes with the pods.",
            example="san",
        ),
        "memory_mib": Key(Int(128, 1048576, "MiB"), "Memory that Prometheus may use; about 1 GiB for 100 pods."),
        "scrape_interval_s": Key(Int(5, 120, "seconds"), "Time between two measurements; it counts for 5 minutes."),
        "log_level": Key(Enum("debug", "info", "warn", "error"), "How much is logged."),
        "external_url": Key(values.Url, "Where people reach Prometheus, for links in messages."),
        "receivers": Key(Map(values.DnsLabel, _RECEIVER), "Who is told, by name. Without one, alerts are only shown."),
        "smtp": Key(_SMTP, "The mail server for `email` of receivers."),
        "repeat": Key(values.Duration, "Time after which a message is repeated while the alert goes on."),
        "limits": Key(
            Section(
                {
                    "backup_age": Key(values.Duration, "A good backup older than this is an alert."),
                    "drift_age": Key(values.Duration, "A check of the highstate older than this is an alert."),
                }
            ),
            "Bounds of alerts that depend on the site.",
        ),
        "probes": Key(
            Map(values.DnsLabel, _Probe),
            "Addresses that must answer, by name; of https and tls the certificate's end is watched, too.",
            example={"portal": "https://portal.osug.example"},
        ),
        "pods": Key(
            Section(
                {
                    "enabled": Key(Bool(), "Whether pods with the annotation `prometheus.io/scrape` are asked."),
                    "sample_limit": Key(Int(1, 1000000), "Metrics that one such pod may have."),
                }
            ),
            "Metrics of the tenants' own programs.",
        ),
        "readers": Key(
            List(values.DnsLabel),
            "Namespaces that may read their own metrics: each gets `http://metrics-NAMESPACE.monitoring:8080`, which "
            "answers for that namespace only.",
            example=["resif"],
        ),
        "grafana": Key(_GRAFANA, "Grafana with the platform's dashboards, where its image is given."),
        "rules": Key(
            List(values.SaltSource),
            "Files of further rules, in Prometheus' format.",
            example=["salt://site/rules.yaml"],
        ),
    }
)


def _receivers(model: dict[str, Any], report: Report) -> None:
    """A receiver has a way to be told; mail needs a server. Ways that are secret are known to the admin only."""
    service = common.enabled(model, "prometheus") or {}
    for name, receiver in (service.get("receivers") or {}).items():
        path = (*PATH, "receivers", name)
        ways = [receiver[key] for key in ("email", "webhooks", "mattermost")]
        if not any(ways) and "admin" in report.secrets_of and not report.has_problem_at(*path):
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
    """Measurements that are gone before a limit is reached can raise no alert."""
    service = common.enabled(model, "prometheus")
    limits, kept = (service or {}).get("limits") or {}, (service or {}).get("retention")
    for key, limit in limits.items():
        if limit and kept and values.seconds(limit) >= values.seconds(kept):
            expected = f"less than retention, {kept}"
            report.add((*PATH, "limits", key), expected, redact.show(limit))


def _on_a_disk(model: dict[str, Any], report: Report) -> None:
    """Prometheus maps its files into memory, which NFS does not bear: the pod would end at once."""
    service = common.enabled(model, "prometheus")
    exports = (common.enabled(model, "nfs") or {}).get("exports") or {}
    disks = (common.enabled(model, "vsphere") or {}).get("storage_classes") or {}
    if service and service["storage"] in exports and service["storage"] not in disks:
        report.add((*PATH, "storage"), "a StorageClass of disks, this one is NFS", redact.show(service["storage"]))


RULES = (_receivers, _passwords, _ages, _on_a_disk)
