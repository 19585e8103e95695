"""prometheus.yml: its jobs follow the model."""

from __future__ import annotations

import yaml
from saltk8s.pillar import model
from saltk8s.services.prometheus import prometheus_yml
from tests.support import alerts, pillars

JOBS = [
    {"job_name": "always", "static_configs": [{"targets": ["a:1"]}]},
    {"job_name": "felix", "of": "felix", "relabel_configs": []},
    *({"job_name": name, "of": name} for name in ("etcd", "velero", "k8up", "probes", "pods", "traefik", "metallb")),
]


def _with(**more) -> dict:
    """Return the model of the example; more: laid over ``services:prometheus``."""
    return pillars.model({"services": {"prometheus": {"enabled": True} | more}})


def jobs(tree: dict) -> dict:
    return {job["job_name"]: job for job in prometheus_yml.configuration(tree, JOBS)["scrape_configs"]}


def test_jobs_are_those_of_what_the_platform_has():
    tree = pillars.full()
    tree["services"]["prometheus"] |= {"enabled": True, "probes": {}, "pods": {"enabled": False}}
    tree = model.build(pillars.defaults(), tree)
    assert set(jobs(tree)) == {"always", "felix", "velero", "traefik", "metallb"}
    off = {"traefik": {"enabled": False}, "backup": {"enabled": False}, "canal": {"felix": {"metrics": False}}}
    assert {"velero", "traefik", "felix"} & set(jobs(pillars.model({"services": off}))) == set()


def test_the_engine_of_backups_is_scraped():
    tree = pillars.model()
    tree["services"]["backup"]["engine"] = "k8up"
    assert {"velero", "k8up"} & set(jobs(tree)) == {"k8up"}


def test_jobs_get_what_only_the_model_knows():
    etcd = {"cluster": {"extra_args": {"etcd": {"listen-metrics-urls": "http://127.0.0.1:1,http://0.0.0.0:2381"}}}}
    patch = {"probes": {"web": "https://a.example/x", "port": "tcp://a.example:22"}}
    tree = pillars.model(etcd, {"services": {"prometheus": patch, "canal": {"felix": {"metrics_port": 9191}}}})
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
    assert (found["pods"]["sample_limit"], found["pods"]["body_size_limit"]) == (5000, "10000KB")
    assert found["felix"]["relabel_configs"][-1]["replacement"] == "$1:9191"
    assert "always" in found


def test_a_jobs_scrape_never_takes_longer_than_its_interval():
    assert prometheus_yml.configuration(_with(scrape_interval_s=5), [])["global"]["scrape_timeout"] == "5s"
    assert prometheus_yml.configuration(_with(scrape_interval_s=60), [])["global"]["scrape_timeout"] == "10s"


def test_yaml_has_no_anchors():
    shared = [1]
    assert prometheus_yml.text({"b": shared, "a": shared}) == "b:\n- 1\na:\n- 1\n"


def test_a_fingerprint_changes_with_the_text_and_the_cluster():
    found = {prometheus_yml.fingerprint(text, name) for text in "ab" for name in "cd"}
    assert len(found) == 4
    assert {len(one) for one in found} == {16}


def test_scrape_jobs_name_only_services_there_are():
    known = set(pillars.model()["services"]) | {"etcd", "velero", "k8up", "felix", "probes", "pods"}
    path = alerts.RULES.parent / "scrape.yaml"
    assert {job["of"] for job in yaml.safe_load(path.read_text(encoding="utf-8")) if "of" in job} <= known


def test_jobs_of_a_service_search_its_own_namespaces():
    listed = [
        {"job_name": name, "of": name, "kubernetes_sd_configs": [{"role": "pod"}]} for name in ("velero", "traefik")
    ]
    found = prometheus_yml.configuration(pillars.model(), listed)["scrape_configs"]
    spaces = {job["job_name"]: job["kubernetes_sd_configs"][0]["namespaces"]["names"] for job in found}
    assert spaces == {"velero": ["velero"], "traefik": ["traefik"]}
    assert "namespaces" not in listed[0]["kubernetes_sd_configs"][0]


def test_annotated_pods_of_the_platform_s_namespaces_are_left_out():
    tree = pillars.model()
    first = jobs(tree)["pods"]["relabel_configs"][0]
    assert first["action"] == "drop"
    left_out = first["regex"].split("|")
    assert left_out[0] == "kube-.*"
    assert set(left_out[1:]) == {name for service in tree["services"].values() for name in service["own_namespaces"]}
    assert {"monitoring", "monitoring-nodes", "metallb-system", "traefik", "velero"} <= set(left_out)
