"""Everything that the pack makes of a pillar, as texts, in this process and fast: what a change of a key changes.

Templates are rendered by Jinja with Salt's filters; what they call is the library itself, without a minion.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import jinja2
import salt.utils.hashutils
import salt.utils.jinja
import salt.utils.stringutils
import yaml
from salt.utils.decorators.jinja import JinjaFilter, JinjaTest
from saltk8s.cloud import salt_cloud
from saltk8s.engine import registry
from saltk8s.engine.rke import cluster_yml
from saltk8s.nodes import docker, firewall, host
from saltk8s.nodes import proxy as proxies
from saltk8s.pillar import images
from saltk8s.services.prometheus import alertmanager_yml, prometheus_yml, rules
from tests.support.tree import ROOT

FORMULAS = ROOT / "salt"
GRAINS = {"os_family": "Debian", "os": "Debian", "oscodename": "bookworm", "osarch": "amd64", "osmajorrelease": 12}
NODE_ROOMS = ("os", "docker", "containerd")


def _file_server(folder: str) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((FORMULAS / folder.removeprefix("salt://")).iterdir())}


def _functions(model: dict[str, Any]) -> dict[str, Any]:
    """Return the execution functions that templates call."""
    jobs = yaml.safe_load((FORMULAS / "k8s/prometheus/scrape.yaml").read_text())
    prometheus = model["services"]["prometheus"]
    return {
        "k8s_config.get": lambda saltenv="base", secrets=False: model,
        "k8s_config.image": lambda ref: images.through(ref, model["registry"]),
        "k8s_config.validate": lambda saltenv="base": {"valid": True},
        "k8s_cloud.text": lambda part, secrets=False: salt_cloud.text(model, part),
        "k8s_cloud.key_files": lambda: list(salt_cloud.key_texts(model)),
        "k8s_cloud.drivers": lambda: {"path": "/var/cache", "user": "root"},
        "k8s_cloud.advice": list,
        "k8s_cluster.programs": lambda: [*registry.classes()[model["cluster"]["engine"]].schema.programs, "kubectl"],
        "k8s_docker.daemon": lambda: docker.daemon(model),
        "k8s_docker.packages": lambda data: docker.packages(model, data),
        "k8s_docker.registry_host": docker.registry_host,
        "k8s_docker.waits": lambda data: "",
        "k8s_host.container": lambda: "",
        "k8s_host.firewall_files": lambda: {name: firewall.text(one) for name, one in firewall.rules(model).items()},
        "k8s_host.family": lambda table: host.family(GRAINS, table),
        "k8s_host.host_lines": lambda: host.host_lines(model["nodes"]),
        "k8s_host.other_time_services": lambda ours: [],
        "k8s_host.proxy": lambda: proxies.parts(model),
        "k8s_host.own_sysctls": lambda values: values,
        "k8s_host.own_user": lambda name: "own",
        "k8s_monitoring.prometheus_config": lambda: prometheus_yml.text(prometheus_yml.configuration(model, jobs)),
        "k8s_monitoring.alertmanager_config": lambda secrets=False: prometheus_yml.text(
            alertmanager_yml.configuration(prometheus)
        ),
        "k8s_monitoring.fingerprint": lambda text: f"{len(text)}",
        "k8s_monitoring.files": _file_server,
        "k8s_monitoring.dashboards": lambda: {"platform.json": "{}"},  # nothing of the pillar is in them
        "k8s_monitoring.rules": lambda: {
            "limits.yaml": prometheus_yml.text(rules.limits(model)),
            **{f"site-{number}": address for number, address in enumerate(prometheus["rules"])},
        },
        "grains.filter_by": lambda table: table["Debian"],
        "file.file_exists": lambda path: False,
        "user.info": lambda name: {"home": f"/home/{name}", "name": name, "gid": 1},
    }


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FORMULAS),
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols", salt.utils.jinja.SerializerExtension],
        auto_reload=False,
    )
    environment.filters.update(JinjaFilter.salt_jinja_filters)
    environment.tests.update(JinjaTest.salt_jinja_tests)
    environment.filters["json"] = functools.partial(json.dumps, sort_keys=True)
    return environment


@functools.cache
def _reads_the_pillar(path: Path) -> bool:
    """Return whether a template's text names the model; those that do not are rendered once."""
    return re.search(r"\bk8s\b(?!/)|salt\[", re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)) is not None


_STATIC: dict[Path, str] = {}


def _render(path: Path, model: dict[str, Any]) -> str:
    if path in _STATIC:
        return _STATIC[path]
    text = _rendered(path, model)
    if not _reads_the_pillar(path):
        _STATIC[path] = text
    return text


def _rendered(path: Path, model: dict[str, Any]) -> str:
    template = _environment().get_template(path.relative_to(FORMULAS).as_posix())
    names = {"k8s": model, "salt": _functions(model), "grains": GRAINS, "pillar": {"k8s": model}}
    return template.render(**names, saltenv="base", opts={"id": model["minion"]["id"]})


def manifests(model: dict[str, Any], service: str) -> dict[str, str]:
    """Return the rendered manifests of a service, by path."""
    chosen = model["services"]["backup"]["engine"]
    files = sorted((FORMULAS / "k8s" / service).glob("manifests/**/*.yaml*"))
    wanted = [path for path in files if service != "backup" or path.parent.name == chosen]
    return {
        str(path.relative_to(FORMULAS)): _render(path, model) if path.suffix == ".jinja" else path.read_text()
        for path in wanted
    }


def formulas(model: dict[str, Any], room: str) -> dict[str, str]:
    """Return the rendered SLS of a folder below ``salt/k8s``, by path."""
    files = sorted((FORMULAS / "k8s" / room).glob("*.sls"))
    return {str(path.relative_to(FORMULAS)): _render(path, model) for path in files}


def files(model: dict[str, Any]) -> dict[str, str]:
    """Return the files of the admin, of Salt Cloud and of nodes."""
    found = {"cluster.yml": cluster_yml.text(cluster_yml.build(model)), "daemon.json": json.dumps(docker.daemon(model))}
    parts = salt_cloud.PARTS if model["cloud"] else ()
    return found | {f"cloud {part}": salt_cloud.text(model, part) for part in parts}
