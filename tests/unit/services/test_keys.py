"""No key of the pillar does nothing: each is read by what writes an output, or at run time by a named function.

What validates a key does not count: the model is complete before anything is noted.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest
from saltk8s.pillar import model as models
from saltk8s.pillar.gitops import jobs
from saltk8s.pillar.vocabulary import types
from tests.support import everything, outputs, pillars, takeover
from tests.support.recording import Recorded
from tests.support.tree import ROOT

# what one pillar cannot have at once
HOOK = {"namespace": "zz-saved", "selector": {"app": "db"}, "before": ["true"], "image": "postgres:16.4"}
CONTEXTS: tuple[dict[str, Any], ...] = (
    {},
    {"services": {"backup": {"engine": "k8up", "namespaces": {"exclude": []}, "location": "files",
                             "hooks": {"db": HOOK}}},
     "locations": {"files": {"nfs": {"server": "nas.osug.example", "path": "/backup"}}}},
    {"services": {"backup": {
        "engine": "stash", "namespaces": {"exclude": []}, "images": {"stash": "docker.io/stash:v1"},
        "hooks": {"db": HOOK},
        "stash": {"license": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n", "targets": {"db": {
            "namespace": "web", "kind": "StatefulSet", "name": "db", "volume": "data", "paths": ["/data"], "hook": "db",
        }}},
    }}},
    {"os": {"firewall": "managed"}},
    {"proxy": {"http": "http://proxy.osug.example:3128", "https": "http://proxy.osug.example:3128",
               "no_proxy": [".osug.example"]}},
    {"gitops": {"enabled": True}},
    {"services": {"traefik": {
        "default_tls": None, "replicas": 1, "acme": {
            "email": "ops@osug.example", "challenge": "dns", "dns_provider": "rfc2136", "dns_credentials": {"KEY": "x"},
            "storage_class": "zz-disk",
        },
    }}},
)  # fmt: skip
ENGINE = "engine/rke/engine.py"
# keys that act at run time, or are only checked: the file below the library, and the function that reads each
BY_FUNCTION = {
    "cluster:ssh:private_key": ("engine/base.py", "prepare"),
    "cluster:timeouts:nodes_s": (ENGINE, "_wait_for_nodes"),
    "cluster:timeouts:up_s": ("engine/rke/running/execution.py", "limit_s"),
    "cluster:timeouts:up_node_s": ("engine/rke/running/execution.py", "limit_s"),
    "cluster:timeouts:ready_s": (ENGINE, "_wait_healthy"),
    "cluster:allow_removal": (ENGINE, "_planned"),
    "cluster:upgrade:accept_removed": ("engine/rke/preflight/checks.py", "_apis"),
    "gitops:states": ("../../_modules/k8s_gitops.py", "drift"),
    "gitops:drift:heal": ("../../_modules/k8s_gitops.py", "drift"),
    "os:reboots:days": ("nodes/reboot.py", "shut"),
    "os:reboots:from": ("nodes/reboot.py", "shut"),
    "os:reboots:hours": ("nodes/reboot.py", "shut"),
    "tenants:*:kubeconfig:valid": ("services/tenants/kubeconfigs.py", "wanted"),
    "tenants:*:kubeconfig:renew_before": ("services/tenants/kubeconfigs.py", "wanted"),
    "binaries:kubectl:version": ("pillar/rules.py", "_versions"),
    "binaries:rke:version": ("engine/rke/schema.py", ""),
}


@pytest.fixture(scope="module")
def read() -> set[tuple[str, ...]]:
    """Return the paths of the model that are read while it is completed and while everything is written."""
    seen: set[tuple[str, ...]] = set()
    complete = models._complete
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "_complete", lambda model: complete(Recorded(model, seen)))
        for context in CONTEXTS:
            write(models.build(pillars.defaults(), pillars.merge(everything.tree(), context)))
        outputs.files(takeover.complete(takeover.fabric()))
    return seen


def write(model: dict[str, Any]) -> None:
    """Write everything that follows from a model."""
    model["minion"] = {"id": "k8s-admin.osug.example", "roles": ["admin", "cloud", "node"]}
    outputs.files(model)
    jobs.wanted(model["gitops"])
    for room in ("cluster", "cloud", "docker", "os", "."):
        outputs.formulas(model, room)
    for service in list(model["services"]):
        outputs.manifests(model, service)
        outputs.formulas(model, service)


def leaves(kind: types.Type, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the paths of the keys that hold values, with ``*`` for the names of things."""
    if isinstance(kind, types.Section):
        for name, key in kind.keys.items():
            yield from leaves(key.type, (*path, name))
    elif isinstance(kind, types.Map) and isinstance(kind.item, types.Section):
        yield from leaves(kind.item, (*path, "*"))
    else:
        yield path


def matches(leaf: tuple[str, ...], path: tuple[str, ...]) -> bool:
    return len(leaf) == len(path) and all(one in ("*", other) for one, other in zip(leaf, path, strict=True))


def one_word(kind: types.Type, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the keys with one valid value, which says what holds today: there is nothing to change."""
    if isinstance(kind, types.Section):
        for name, key in kind.keys.items():
            yield from one_word(key.type, (*path, name))
    elif isinstance(kind, types.Enum) and len(kind.words) == 1:
        yield path


def test_every_key_is_read_by_what_writes_something(read):
    known = {tuple(path.split(":")) for path in BY_FUNCTION} | {*one_word(models.SCHEMA)}
    unread = {leaf for leaf in leaves(models.SCHEMA) if not any(matches(leaf, path) for path in read)}
    assert {":".join(leaf) for leaf in unread - known} == set(), "keys that do nothing"
    stale = {path for path in BY_FUNCTION if tuple(path.split(":")) not in unread}
    assert stale == set(), "these are read by what writes something"


@pytest.mark.parametrize("path", BY_FUNCTION)
def test_a_key_that_acts_when_the_pack_runs_is_read_by_that_function(path):
    file, name = BY_FUNCTION[path]
    tree: ast.AST = ast.parse((ROOT / "salt/_utils/saltk8s" / file).read_text())
    if name:
        (tree,) = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert path.split(":")[-1 if name else 1] in words


def test_a_key_that_nothing_reads_is_found(read):
    assert not any(matches(("services", "metallb", "no_such_key"), path) for path in read)
    assert any(matches(("services", "metallb", "pools", "*", "avoid_buggy_ips"), path) for path in read)
