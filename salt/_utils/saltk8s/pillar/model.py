"""The model: the pillar, validated and completed. Every formula and module reads it, and nothing else.

Keys that are not set are None, lists and maps empty: ``model["registry"]`` is None without a registry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from saltk8s.base import redact
from saltk8s.base.errors import ConfigError
from saltk8s.pillar import images, rules, schema_engines, schema_services
from saltk8s.pillar.schema import SCHEMA
from saltk8s.pillar.vocabulary.free_form import FreeForm
from saltk8s.pillar.vocabulary.types import List, Map, Report, Secret, Section, Type

ROOT = "k8s"
SECRET_ROLES = frozenset({"admin", "cloud"})  # the roles of minions that hold secrets
STATE_ROOT = "/var/lib/saltk8s"
BIN_DIR = "/usr/local/bin"


def build(
    defaults: Any, pillar: Any, secrets_required: bool | Collection[str] = True, encrypted: bool = False
) -> dict[str, Any]:
    """Return the model of the pillar's ``k8s`` tree.

    defaults: what ``defaults.yaml`` holds; pillar: the tree under ``k8s``; secrets_required: whether all secrets
    are required, or the roles ("admin", "cloud") whose secrets are; encrypted: accept secrets that are still PGP
    messages, for a check without the key.
    Raises ConfigError with every problem.
    """
    needed = SECRET_ROLES if secrets_required is True else frozenset(secrets_required or ())
    report = Report(needed, encrypted, schema_services.NAMESPACES)
    if not isinstance(defaults, Mapping) or not defaults:
        report.add(("salt://k8s/defaults.yaml",), "the pack's own defaults, as a map", redact.show(defaults))
        raise ConfigError(report.problems)
    if not isinstance(pillar, Mapping) or not pillar:
        report.add((ROOT,), "the platform's pillar: does top.sls give it to this minion?", redact.show(pillar, True))
        raise ConfigError(report.problems)
    model = SCHEMA.check(pillar, defaults, (ROOT,), report)
    rules.check(model, report)
    if report.problems:
        raise ConfigError(report.problems)
    return _complete(model)


def _complete(model: dict[str, Any]) -> dict[str, Any]:
    """Add what follows from the pillar."""
    cluster = model["cluster"]
    cluster["state_dir"] = cluster["state_dir"] or f"{STATE_ROOT}/{cluster['name']}"
    model["paths"] = paths(cluster["state_dir"], cluster["engine"])
    for name, node in model["nodes"].items():
        static = node["address"] != "dhcp"
        address, _, prefix = node["address"].partition("/")
        node["name"] = name
        node["ip"] = address if static else None
        node["prefix"] = int(prefix) if prefix else None
    cloud = model["cloud"]
    if cloud:
        cloud["minion"] = cloud["minion"] or cluster["admin"]
        for shape in cloud["shapes"].values():
            shape.update({key: shape[key] or given for key, given in cloud["defaults"].items()})
    schema_services.complete(model)
    for service in model["services"].values():
        service["images"] = {name: images.with_version(image, service) for name, image in service["images"].items()}
    return model


def paths(state_dir: str, engine: str) -> dict[str, str]:
    """Return where the admin keeps the cluster's files, the engine's own among them; only root can read them."""
    own = schema_engines.SCHEMAS[engine].files
    return {
        "state_dir": state_dir,
        **{key: f"{state_dir}/{name}" for key, name in own.items()},
        "ssh_key": f"{state_dir}/ssh_key",
        "backups": f"{state_dir}/backups",
        "bin_dir": BIN_DIR,
    }


def host_of(node: Mapping[str, Any]) -> str:
    """Return where a node of the model is reached: its address, or its name when it uses DHCP."""
    return node["ip"] or node["name"]


def roles_of(model: Any, minion_id: str) -> set[str]:
    """Return what a minion is: any of "node", "admin", "cloud".

    model: a model, or a pillar's ``k8s`` tree that has not been checked; minion_id: from the minion's configuration,
    never from a grain.
    """
    tree = model if isinstance(model, Mapping) else {}
    cluster, cloud, nodes = (_map(tree.get(key)) for key in ("cluster", "cloud", "nodes"))
    roles = set()
    if minion_id in nodes:
        roles.add("node")
    if cluster.get("admin") == minion_id:
        roles.add("admin")
    if cloud and (cloud.get("minion") or cluster.get("admin")) == minion_id:
        roles.add("cloud")
    return roles


def secrets_in(tree: Any) -> list[tuple[str, str]]:
    """Return the secrets that a model, or a pillar's ``k8s`` tree, holds: (pillar path, secret) for each."""
    return [(":".join(map(redact.name, (ROOT, *path))), tree) for path, tree in _secrets(SCHEMA, tree, ())]


def redacted(tree: Any) -> Any:
    """Return a copy of a model in which secrets are replaced by ``<redacted>``."""
    hidden = {secret for _, secret in _secrets(SCHEMA, tree, ())}
    return redact.tree(tree, hidden)


def _secrets(kind: Type, value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(kind, Secret):
        if isinstance(value, str) and value:
            yield path, value
    elif isinstance(kind, FreeForm):
        for inside, secret in kind.secrets(value):
            yield (*path, *inside), secret
    elif isinstance(kind, Section) and isinstance(value, Mapping):
        for name, key in kind.keys.items():
            yield from _secrets(key.type, value.get(name), (*path, name))
    elif isinstance(kind, Map) and isinstance(value, Mapping):
        for name, item in value.items():
            yield from _secrets(kind.item, item, (*path, name))
    elif isinstance(kind, List) and isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _secrets(kind.item, item, (*path, index))


def _map(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
