"""Prometheus' own tools judge what the service gives to Prometheus and Alertmanager."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from saltk8s.pillar import model
from saltk8s.services.prometheus import alertmanager_yml, dashboards, prometheus_yml, rules
from tests.support import alerts, pillars

JOBS = alerts.RULES.parent / "scrape.yaml"
BOARDS = sorted((alerts.RULES.parent / "dashboards").glob("*.yaml"))
LONG = 720  # minutes: tests of a longer time evaluate the rules every five minutes instead of each
WAYS = {
    "receivers": {
        "ops": {"email": ["ops@osug.example"], "mattermost": "https://chat.osug.example/hooks/x"},
        "night": {"webhooks": ["http://127.0.0.1:1/"], "severities": ["critical"], "namespaces": ["a", "b"]},
        "switch": {"webhooks": ["http://127.0.0.1:1/"], "severities": [], "watchdog": True},
    },
    "smtp": {"server": "smtp.osug.example:587", "from": "k8s@osug.example", "username": "k8s", "password": "x"},
}


def tables(path: Path) -> dict:
    """Return a file's data."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def tool(path: Path):
    """Return a function that runs a program: it returns its output, and fails with it."""

    def run(*args) -> str:
        done = subprocess.run([str(path), *map(str, args)], capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def promtool(binaries):
    return tool(binaries["promtool"])


@pytest.fixture(scope="module")
def amtool(binaries):
    return tool(binaries["amtool"])


@pytest.fixture(scope="module")
def limits(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("limits") / "limits.yaml"
    path.write_text(prometheus_yml.text(rules.limits(whole())))
    return path


def whole() -> dict:
    """Return the model with every job and every way to be told."""
    more = {
        "cluster": {"extra_args": {"etcd": {"listen-metrics-urls": "http://0.0.0.0:2381"}}},
        "services": {
            "canal": {"felix": {"metrics": True}},
            "prometheus": WAYS | {"enabled": True, "probes": {"a": "tls://a.example:443"}},
        },
    }
    return model.build(pillars.defaults(), pillars.merge(pillars.full(), more))


def test_prometheus_reads_its_configuration_with_every_job(promtool, tmp_path):
    configured = prometheus_yml.configuration(whole(), tables(JOBS))
    jobs = [job["job_name"] for job in tables(JOBS) if job["job_name"] != "k8up"]  # it is here in the place of Velero
    assert [job["job_name"] for job in configured["scrape_configs"]] == jobs
    assert all(job.get("kubernetes_sd_configs") or job["static_configs"] for job in configured["scrape_configs"])
    path = tmp_path / "prometheus.yml"
    path.write_text(prometheus_yml.text(configured))
    promtool("check", "config", "--syntax-only", path)


def test_alertmanager_reads_its_configuration_and_tells_the_right_ones(amtool, tmp_path):
    path = tmp_path / "alertmanager.yml"
    path.write_text(prometheus_yml.text(alertmanager_yml.configuration(whole()["services"]["prometheus"])))
    assert "4 receivers" in amtool("check-config", path)

    def told(**labels) -> set[str]:
        words = [f"{name}={value}" for name, value in labels.items()]
        said = amtool("config", "routes", "test", f"--config.file={path}", *words).splitlines()
        return set(said[0].split(","))  # then come warnings

    assert told(severity="critical", namespace="a") == {"ops", "night"}
    assert told(severity="critical", namespace="c") == {"ops"}
    assert told(severity="warning", namespace="a") == {"ops"}
    assert told(severity="info", namespace="a") == {alertmanager_yml.NOBODY}
    assert told(alertname="Watchdog", severity="none") == {"switch", alertmanager_yml.NOBODY}


def test_prometheus_reads_every_file_of_rules(promtool, limits):
    said = promtool("check", "rules", *sorted(alerts.RULES.glob("*.yaml")), limits)
    assert said.count("SUCCESS") == len(list(alerts.RULES.glob("*.yaml"))) + 1


def test_prometheus_reads_every_query_of_the_dashboards(promtool, tmp_path):
    """A panel that asks for what a recording rule is to give asks for one that there is."""
    panels = [panel for path in BOARDS for panel in json.loads(dashboards.text(path.stem, tables(path)))["panels"]]
    queries = [target["expr"].replace("$choice", ".*") for panel in panels for target in panel["targets"]]
    assert len(queries) > 15
    given = {"groups": [{"name": "g", "rules": [{"record": f"q:{n}", "expr": one} for n, one in enumerate(queries)]}]}
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump(given))
    assert f"{len(queries)} rules found" in promtool("check", "rules", path)
    groups = tables(alerts.RULES / "recording.yaml")["groups"]
    recorded = {rule["record"] for group in groups for rule in group["rules"]}
    assert {name for one in queries for name in re.findall(r"\b[a-z_]+:[a-z0-9_:]+", one)} <= recorded


@pytest.mark.parametrize("file", sorted({rule["file"] for rule in alerts.rules()}))
def test_every_alert_fires_when_it_should_and_only_then(file, promtool, limits, tmp_path):
    tests = [test for rule, case in alerts.cases() if rule["file"] == file for test in alerts.tests_of(rule, case)]
    assert tests
    files = [limits, alerts.RULES / "recording.yaml", alerts.RULES / file]
    long = [test for test in tests if any(int(one["eval_time"][:-1]) > LONG for one in test["alert_rule_test"])]
    given = {
        "rule_files": [str(one) for one in files],
        # what others are computed from comes first: without an order promtool has none, and figures are a minute late
        "group_eval_order": [group["name"] for one in files for group in tables(one)["groups"]],
    }
    for every, some in (("1m", [test for test in tests if test not in long]), ("5m", long)):
        if some:
            path = tmp_path / f"tests-{every}.yaml"
            path.write_text(yaml.safe_dump({**given, "evaluation_interval": every, "tests": some}, sort_keys=False))
            promtool("test", "rules", path)
