"""Monitoring's pure parts: configurations, the highstate as a metric, and that every alert has a test."""

from __future__ import annotations

import json

import pytest
import yaml
from saltk8s.base import errors
from saltk8s.pillar import model
from saltk8s.services.prometheus import alerting, dashboards, highstate
from saltk8s.services.prometheus import configuration as monitoring
from tests.support import alerts, pillars

JOBS = [
    {"job_name": "always", "static_configs": [{"targets": ["a:1"]}]},
    {"job_name": "felix", "of": "felix", "relabel_configs": []},
    *({"job_name": name, "of": name} for name in ("etcd", "velero", "probes", "pods", "traefik", "metallb")),
]


def built(**more) -> dict:
    """Return the model of the example; more: laid over ``services:prometheus``."""
    return of({"services": {"prometheus": {"enabled": True} | more}})


def of(*patches: dict) -> dict:
    tree = pillars.full()
    for patch in patches:
        tree = pillars.merge(tree, patch)
    return model.build(pillars.defaults(), tree)


def jobs(tree: dict) -> dict:
    return {job["job_name"]: job for job in monitoring.configuration(tree, JOBS)["scrape_configs"]}


def test_jobs_are_those_of_what_the_platform_has():
    tree = pillars.full()
    tree["services"]["prometheus"] |= {"enabled": True, "probes": {}, "pods": {"enabled": False}}
    tree = model.build(pillars.defaults(), tree)
    assert set(jobs(tree)) == {"always", "felix", "velero", "traefik", "metallb"}
    off = {"traefik": {"enabled": False}, "backup": {"enabled": False}, "canal": {"felix": {"metrics": False}}}
    assert {"velero", "traefik", "felix"} & set(jobs(of({"services": off}))) == set()


def test_jobs_get_what_only_the_model_knows():
    etcd = {"cluster": {"extra_args": {"etcd": {"listen-metrics-urls": "http://127.0.0.1:1,http://0.0.0.0:2381"}}}}
    patch = {"probes": {"web": "https://a.example/x", "port": "tcp://a.example:22"}}
    tree = of(etcd, {"services": {"prometheus": patch, "canal": {"felix": {"metrics_port": 9191}}}})
    found = jobs(tree)
    assert not any("of" in job for job in found.values())
    members = [name for name, node in tree["nodes"].items() if "etcd" in node["roles"]]
    assert [one["labels"]["node"] for one in found["etcd"]["static_configs"]] == members
    assert all(one["targets"][0].endswith(":1") for one in found["etcd"]["static_configs"])
    probes = [one for one in found["probes"]["static_configs"] if one["labels"]["probe"] != "portal"]
    assert probes == [
        {"targets": ["https://a.example/x"], "labels": {"probe": "web", "__param_module": "http"}},
        {"targets": ["a.example:22"], "labels": {"probe": "port", "__param_module": "tcp"}},
    ]
    assert found["pods"]["sample_limit"] == 5000
    assert found["felix"]["relabel_configs"][-1]["replacement"] == "$1:9191"
    assert "always" in found


def test_a_jobs_scrape_never_takes_longer_than_its_interval():
    assert monitoring.configuration(built(scrape_interval_s=5), [])["global"]["scrape_timeout"] == "5s"
    assert monitoring.configuration(built(scrape_interval_s=60), [])["global"]["scrape_timeout"] == "10s"


def test_limits_are_rules():
    service = built(limits={"backup_age": "2h", "drift_age": "3d"})["services"]["prometheus"]
    (group,) = monitoring.limits(service)["groups"]
    assert {rule["record"]: rule["expr"] for rule in group["rules"]} == {
        "saltk8s:backup_age_limit_seconds": "vector(7200)",
        "saltk8s:drift_age_limit_seconds": "vector(259200)",
    }


def test_yaml_has_no_anchors():
    shared = [1]
    assert monitoring.text({"b": shared, "a": shared}) == "b:\n- 1\na:\n- 1\n"


@pytest.mark.parametrize("wrong", ["[", "a: 1", "groups: [{name: x}]", "groups: [{rules: []}]", "", "groups: x"])
def test_what_is_no_file_of_rules_is_named(wrong):
    with pytest.raises(errors.Invalid, match="^k8s:services:prometheus:rules:0"):
        monitoring.checked_rules(wrong, "k8s:services:prometheus:rules:0 (salt://x)")


def test_a_file_of_rules_is_not_touched():
    content = "groups:\n- {name: x, rules: []}  # mine\n"
    assert monitoring.checked_rules(content, "here") == content


def test_a_fingerprint_changes_with_the_text_and_the_cluster():
    found = {monitoring.fingerprint(text, name) for text in "ab" for name in "cd"}
    assert len(found) == 4
    assert {len(one) for one in found} == {16}


def receivers(**given) -> dict:
    return alerting.configuration(built(receivers=given)["services"]["prometheus"])


def test_without_receivers_nobody_is_told():
    service = built()["services"]["prometheus"] | {"receivers": {}, "smtp": None}
    found = alerting.configuration(service)
    assert found["receivers"] == [{"name": alerting.NOBODY}]
    assert found["route"]["receiver"] == alerting.NOBODY
    assert [route["receiver"] for route in found["route"]["routes"]] == [alerting.NOBODY]


def test_a_receiver_gets_its_severities_and_namespaces():
    found = receivers(night={"webhooks": ["http://h/x"], "severities": ["critical", "info"], "namespaces": ["a", "b"]})
    (route,) = [one for one in found["route"]["routes"] if one["receiver"] == "night"]
    assert route["matchers"] == ['severity=~"critical|info"', 'namespace=~"a|b"']
    assert route["continue"] is True
    (told,) = [one for one in found["receivers"] if one["name"] == "night"]
    assert told["webhook_configs"] == [{"url": "http://h/x", "send_resolved": True}]
    assert "email_configs" not in told


def test_the_watchdog_goes_only_to_those_who_asked():
    found = receivers(switch={"webhooks": ["http://h/x"], "severities": [], "watchdog": True})["route"]["routes"]
    watch = [one["receiver"] for one in found if one["matchers"] == ['alertname="Watchdog"']]
    assert watch == ["switch", alerting.NOBODY]
    assert [one["receiver"] for one in found if one["matchers"] != ['alertname="Watchdog"']] == ["ops"]


def test_mail_is_sent_with_tls_unless_the_pillar_says_no():
    def sent(**more) -> dict:
        smtp = {"server": "m:587", "from": "a@b.example"} | more
        return alerting.configuration(built(smtp=smtp)["services"]["prometheus"])["global"]

    assert sent()["smtp_require_tls"] is True
    assert sent(tls=False)["smtp_require_tls"] is False
    assert "smtp_auth_password" not in sent()
    assert sent(username="u", password="p")["smtp_auth_password"] == "p"


def test_states_are_counted():
    answer = {
        "a": {"result": True, "changes": {}},
        "b": {"result": None, "changes": {}},
        "c": {"result": True, "changes": {"x": 1}},
        "d": {"result": False, "changes": {"x": 1}},
    }
    assert highstate.counts(answer) == {"ok": 1, "change": 2, "failure": 1}
    assert highstate.counts({}) == {"ok": 0, "change": 0, "failure": 0}


@pytest.mark.parametrize("answer", [["Rendering SLS failed"], None, "x", {"a": "b"}, {"a": {}}])
def test_what_is_no_answer_of_states_is_not_counted(answer):
    with pytest.raises(errors.Invalid, match="the highstate did not run"):
        highstate.counts(answer)


def test_a_metric_has_its_help_and_ends_with_a_newline():
    text = highstate.metrics("k8s-w1", {"ok": 3, "change": 1, "failure": 0}, 1000.4, 2.34)
    lines = text.split("\n")
    assert lines[-1] == ""
    assert 'saltk8s_highstate_states{minion="k8s-w1",result="change"} 1' in lines
    assert 'saltk8s_highstate_timestamp_seconds{minion="k8s-w1"} 1000' in lines
    assert 'saltk8s_highstate_duration_seconds{minion="k8s-w1"} 2.3' in lines
    assert highstate.config_map("k8s-w1", text)["data"] == {"k8s-w1.prom": text}


def test_every_alert_has_a_test():
    assert {rule["alert"] for rule in alerts.rules()} == set(alerts.table())
    assert len(alerts.cases()) == sum(map(len, alerts.table().values())), "a case of a severity that no rule has"


def test_every_alert_but_the_watchdog_is_tested_to_be_quiet():
    silent = {name for name, cases in alerts.table().items() for case in cases if not case.get("well")}
    assert silent == {"Watchdog"}


def test_every_alert_says_how_bad_it_is_and_what_to_do():
    for rule in alerts.rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_scrape_jobs_name_only_services_there_are():
    known = set(of()["services"]) | {"etcd", "velero", "felix", "probes", "pods"}
    path = alerts.RULES.parent / "scrape.yaml"
    assert {job["of"] for job in yaml.safe_load(path.read_text(encoding="utf-8")) if "of" in job} <= known


def test_a_dashboard_is_grafanas():
    table = {
        "title": "T",
        "choose": "node",
        "from": "up",
        "panels": {
            "A": {"unit": "s", "show": {"{{node}}": 'up{node=~"$choice"}'}},
            "B": {"unit": "s", "show": {"x": "1", "y": "2"}},
            "C": {"unit": "s", "show": {"x": "3"}},
        },
    }
    made = json.loads(dashboards.text("t", table))
    assert [panel["title"] for panel in made["panels"]] == ["A", "B", "C"]
    assert len({panel["id"] for panel in made["panels"]}) == 3
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in made["panels"]]
    assert places == [(0, 0), (12, 0), (0, 8)]
    assert [target["refId"] for target in made["panels"][1]["targets"]] == ["Q0", "Q1"]
    assert made["templating"]["list"][0]["query"]["query"] == "label_values(up, node)"
    assert json.loads(dashboards.text("t", {"title": "T", "panels": {}}))["templating"] == {"list": []}
