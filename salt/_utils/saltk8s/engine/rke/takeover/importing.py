"""A pillar that builds the same cluster as a ``cluster.yml`` written by hand: nothing of it is lost. Pure."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.rke import cluster_yml
from saltk8s.engine.rke.takeover import canonical, inverse
from saltk8s.pillar.vocabulary import free_form
from saltk8s.pillar.vocabulary.types import PLACEHOLDER

PLUGINS = ("canal", "aci")
EXTRA = "k8s:cluster:engine_config"
Complete = Callable[[dict[str, Any]], dict[str, Any]]
# what cluster.yml does not have: stands in while the model is built, and is CHANGE-ME in the files
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
_OFF = {"canal": {"enabled": False}, "metallb": {"enabled": False}}
_NOTES = {
    "bastion_host": "rke goes through it; the pack's own checks do not: the admin has to reach the nodes itself",
    "system_images": "these images do not follow k8s:cluster:version; take them out before an upgrade",
    "ingress": "rke's own ingress controller; take it out when k8s:services:traefik is to have its ports",
    "addons": "k8s:extra applies manifests, too, with a plan and without a job",
    "addons_include": "k8s:extra applies manifests, too, with a plan and without a job",
    "cloud_provider": "k8s:services:vsphere is the platform's own for vSphere",
}


@dataclass
class Imported:
    """The pillar, in two trees below ``k8s``; what to know, as (path of cluster.yml, what is done with it)."""

    public: dict[str, Any]
    secret: dict[str, Any]
    named: list[tuple[str, str]] = field(default_factory=list)


def pillar_of(
    config: Mapping[str, Any], version: str, admin: str, complete: Complete, images: Collection[str] = ()
) -> Imported:
    """Return the pillar of a ``cluster.yml``.

    config: as reading.parse returns it; version: of Kubernetes as the state has it; admin: the minion's id; complete:
    returns the model of a tree below ``k8s``; images: rke's own for the version, which need not be named.
    Raises Refused for what cannot be taken over, ConfigError for what the pillar does not allow.
    """
    plugin = (config.get("network") or {}).get("plugin") or "canal"
    if plugin not in PLUGINS:
        raise errors.Refused(f"network.plugin is {plugin}: only clusters with {' or '.join(PLUGINS)} can be taken over")
    config = _without_own_images({**config, "kubernetes_version": config.get("kubernetes_version") or version}, images)
    tree = inverse.pillar(config, version)
    tree["cluster"] = {"name": tree["cluster"].pop("name"), "admin": admin, **tree["cluster"]}
    tree["services"] = copy.deepcopy(_OFF)
    unknown = [name for name, node in tree["nodes"].items() if "address" not in node]
    for number, name in enumerate(unknown, 1):
        tree["nodes"][name]["address"] = f"192.0.2.{number}"
    inverse.with_flags(tree, config, _built(tree, complete))
    if more := canonical.more(_built(tree, complete), config):
        tree["cluster"]["engine_config"] = more
    left = canonical.differences(canonical.canonical(_built(tree, complete)), canonical.canonical(config))
    if lost := [".".join(path) for path in left]:
        raise errors.Refused(f"these would be another than in cluster.yml: {', '.join(lost)}")
    for name in unknown:
        tree["nodes"][name]["address"] = PLACEHOLDER
    secret = _split(tree)
    return Imported(tree, secret, list(_named(config, tree, secret, unknown)))


def _built(tree: dict[str, Any], complete: Complete) -> dict[str, Any]:
    version = tree["cluster"]["version"].partition("-")[0]
    program = {"source": "/stand-in", "sha256": "0" * 64}
    cluster = {**tree["cluster"], "ssh": {"public_key": _KEY, **tree["cluster"]["ssh"]}}
    binaries = {"rke": {**program, "version": "v1.8.5"}, "kubectl": {**program, "version": version}}
    return cluster_yml.build(complete({**tree, "cluster": cluster, "binaries": binaries}))


def _without_own_images(config: Mapping[str, Any], images: Collection[str]) -> dict[str, Any]:
    own = config.get("system_images") or {}
    kept = {key: image for key, image in own.items() if image and image not in images}
    return {**config, "system_images": kept}


def _split(tree: dict[str, Any]) -> dict[str, Any]:
    """Take the secrets out of a tree; return them, in a tree of their own."""
    secret: dict[str, Any] = {}
    if password := tree.get("registry", {}).pop("password", None):
        secret["registry"] = {"password": password}
    if key := tree["cluster"]["network"].get("aci", {}).pop("apic_user_key", None):
        secret["cluster"] = {"network": {"aci": {"apic_user_key": key}}}
    for name, place in tree.get("locations", {}).items():
        keys = {key: place["s3"].pop(key) for key in cluster_yml.S3_SECRETS}
        secret.setdefault("locations", {})[name] = {"s3": keys}
    public, hidden = _parts(tree["cluster"].get("engine_config") or {}, ())
    if hidden:
        secret.setdefault("cluster", {})["engine_config"] = hidden
        tree["cluster"]["engine_config"] = public
        if not public:
            del tree["cluster"]["engine_config"]
    return secret


def _parts(value: Any, path: tuple[str, ...]) -> tuple[Any, Any]:
    """Return what is public of a map, and what is secret; a list with a secret in it is secret, as Salt merges none."""
    public: dict[str, Any] = {}
    hidden: dict[str, Any] = {}
    for key, item in value.items():
        here = (*path, key)
        if isinstance(item, Mapping) and not free_form.is_secret(here):
            one, two = _parts(item, here)
            public |= {key: one} if one or not two else {}
            hidden |= {key: two} if two else {}
        elif item is not None and (free_form.is_secret(here) or any(True for _ in free_form.secrets(item, here))):
            hidden[key] = item
        else:
            public[key] = item
    return public, hidden


def _named(
    config: Mapping[str, Any], tree: Mapping[str, Any], secret: Mapping[str, Any], unknown: list[str]
) -> Iterator[tuple[str, str]]:
    for path, value in _leaves(tree["cluster"].get("engine_config") or {}, ()):
        where = ".".join(path)
        note = f"; {_NOTES[path[0]]}" if path[0] in _NOTES else ""
        if value is None:
            yield where, f"not in the cluster, while the pack sets it: kept out by {EXTRA}"
        else:
            yield where, f"kept in {EXTRA}{note}"
    for path, _ in _leaves(secret, ()):
        yield ":".join(("k8s", *path)), "a secret, in secrets.sls"
    for key in (*canonical.CONDUCT, *canonical.ACCESS):
        if config.get(key):
            yield key, "how rke works and reaches the nodes is the pack's own"
    for name, node in canonical.nodes(config).items():
        for key in canonical.NODE_ACCESS:
            if node.get(key):
                yield f"nodes.{name}.{key}", "the pack reaches every node with k8s:cluster:ssh:private_key"
    for name in unknown:
        yield f"nodes.{name}.address", f"a name: give its IPv4 address in k8s:nodes:{name}:address"


def _leaves(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(tree, Mapping) and tree:
        for key, item in tree.items():
            yield from _leaves(item, (*path, key))
    elif path:
        yield path, tree
