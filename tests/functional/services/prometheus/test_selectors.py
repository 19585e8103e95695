"""No rule, page or dashboard can be fooled by a tenant's metrics: each selector names a job of the platform's."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from saltk8s.services.prometheus import prometheus_yml, rules
from tests.support import alerts, pillars

HERE = alerts.RULES.parent
FILES = [
    *sorted(alerts.RULES.glob("*.yaml")),
    *sorted((HERE / "dashboards").glob("*")),
    *sorted((HERE / "consoles").glob("*.html")),
]
# what a console asks: the argument of `query`, or of a template that shows one figure
CONSOLE = re.compile(r'(?:query|template "(?:ratio|bytes|number|seconds)") \(?(?:printf )?"([^"]+)"')
MARK = 'saltk8s_mark="1"'
SELECTOR = re.compile(r"([A-Za-z_:][\w:]*)?\{([^{}]*)\}")
GENERIC = {"process_start_time_seconds"}  # every program has it
JOBS = {job["job_name"] for job in yaml.safe_load((HERE / "scrape.yaml").read_text(encoding="utf-8"))}


def strings_at(data: Any, key: str) -> Iterator[str]:
    """The texts of a key, anywhere in YAML data."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from [value] if name == key and isinstance(value, str) else strings_at(value, key)
    elif isinstance(data, list):
        for value in data:
            yield from strings_at(value, key)


def expressions(path: Path) -> list[str]:
    """The PromQL of a file of rules, a dashboard or a console."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        return [one.replace("%s", "x").replace("%f", "vector(1)") for one in CONSOLE.findall(text)]
    data = yaml.safe_load(text)
    if "panels" in data:
        return [query for panel in data["panels"].values() for query in panel["show"].values()]
    return list(strings_at(data, "expr"))


def recorded() -> set[str]:
    groups = yaml.safe_load((alerts.RULES / "recording.yaml").read_text(encoding="utf-8"))
    return set(strings_at(groups, "record")) | set(strings_at(rules.limits(pillars.model()), "record"))


@pytest.fixture(scope="module")
def selectors(binaries):
    """Return the function that lists the selectors of a file as Prometheus' own parser reads them: name, matchers."""

    def read(path: Path) -> list[tuple[str, str]]:
        whole = " or ".join(f"({one})" for one in expressions(path))
        argv = [binaries["promtool"], "--experimental", "promql", "label-matchers", "set", whole, "saltk8s_mark", "1"]
        done = subprocess.run([str(one) for one in argv], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"{path}: {done.stderr}"
        found = [(name, inner) for name, inner in SELECTOR.findall(done.stdout) if MARK in inner]
        assert len(found) == done.stdout.count(MARK), "a selector was not recognised"
        return found

    return read


def of_the_platform(name: str, matchers: str) -> bool:
    """Whether no series of a tenant's can match."""
    if name in recorded() or name == "ALERTS":
        return True
    job = re.search(r'\bjob(=~|=|!~|!=)"([^"]*)"', matchers)
    if not job:
        return False
    operator, value = job.groups()
    if operator.startswith("!"):
        return "pods" in value.split("|")
    return set(value.split("|")) <= JOBS - {"pods"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_selector_names_a_job_of_the_platform_s(selectors, path):
    assert [f"{name}{{{matchers}}}" for name, matchers in selectors(path) if not of_the_platform(name, matchers)] == []


def test_the_names_that_rules_and_pages_use_are_dropped_from_tenants_scrapes(selectors):
    """Prometheus anchors the expression of a relabelling."""
    jobs = yaml.safe_load((HERE / "scrape.yaml").read_text(encoding="utf-8"))
    (job,) = [
        one
        for one in prometheus_yml.configuration(pillars.model(), jobs)["scrape_configs"]
        if one["job_name"] == "pods"
    ]
    (rule,) = job["metric_relabel_configs"]
    assert (rule["source_labels"], rule["action"]) == (["__name__"], "drop")
    used = {name for path in FILES for name, _ in selectors(path)} | recorded() | {"ALERTS", "ALERTS_FOR_STATE", "up"}
    assert len(used) > 80
    assert {name for name in used if not re.fullmatch(rule["regex"], name)} == GENERIC
    assert not any(re.fullmatch(rule["regex"], name) for name in ("http_requests_total", "nodejs_heap_size", "uptime"))


def test_no_scrape_takes_labels_or_an_address_from_what_it_reads():
    jobs = yaml.safe_load((HERE / "scrape.yaml").read_text(encoding="utf-8"))
    for job in prometheus_yml.configuration(pillars.model(), jobs)["scrape_configs"]:
        assert job["follow_redirects"] is False and not job.get("honor_labels"), job["job_name"]
