"""Pillars drawn for the tests of taking over, and models of trees below ``k8s``."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from labkit import versions
from saltk8s.engine.rke.takeover import importing, reading
from saltk8s.pillar import model as models
from tests.support import pillars

DEFAULTS = yaml.safe_load((pillars.ROOT / "salt/k8s/defaults.yaml").read_text())
CASES = Path(__file__).resolve().parents[1] / "cases" / "engine" / "rke" / "takeover"
S3 = {
    "endpoint": "https://s3.example",
    "bucket": "k8s",
    "region": "r1",
    "access_key": "canary-a",
    "secret_key": "canary-s",
}
OIDC = {"issuer": "https://sso.example", "client_id": "k8s"}
_FLAGS = st.dictionaries(
    st.sampled_from(["v", "max-pods", "feature-gates", "read-only-port"]),
    st.sampled_from(["3", "true", "A=true,B=false", "0", ""]),
    max_size=3,
)
_DURATIONS = st.sampled_from([("6h", "7d"), ("12h", "72h"), ("90m", "3h"), ("1d", "30d"), ("5h", "5h")])


def complete(tree: dict[str, Any]) -> dict[str, Any]:
    """The model of a tree below ``k8s``."""
    return models.build(DEFAULTS, copy.deepcopy(tree), secrets_required=False)


def site(tree: dict[str, Any]) -> dict[str, Any]:
    """A tree with what no ``cluster.yml`` has: the admin's key and programs."""
    program = {"source": "/srv/program", "sha256": pillars.SHA256}
    binaries = {"rke": {**program, "version": versions.RKE}, "kubectl": {**program, "version": versions.KUBECTL}}
    off = {"canal": {"enabled": False}, "metallb": {"enabled": False}}
    base = {
        "cluster": {"admin": "adm", "ssh": {"public_key": pillars.key_pair()[1]}},
        "binaries": binaries,
        "services": off,
    }
    return pillars.merge(base, tree)


def fabric() -> dict[str, Any]:
    """The tree of a cluster on Cisco ACI, as it is taken over."""
    found = importing.pillar_of(reading.parse((CASES / "fabric.yml").read_text()), versions.CLUSTER, "adm", complete)
    return pillars.merge(site(found.public), found.secret)


def _maybe(strategy: Any) -> Any:
    return st.none() | strategy


def _some(given: dict[str, Any]) -> dict[str, Any]:
    found = {key: _some(value) if isinstance(value, dict) else value for key, value in given.items()}
    return {key: value for key, value in found.items() if value is not None and value != {}}


@st.composite
def trees(draw: Any) -> dict[str, Any]:
    """Trees below ``k8s`` that vary everything that reaches ``cluster.yml``."""
    every, keep = draw(_DURATIONS)
    encrypted = draw(st.booleans())
    s3 = draw(st.booleans()) and every.endswith("h") and keep.endswith("h") and int(keep[:-1]) % int(every[:-1]) == 0
    cluster = {
        "name": draw(st.sampled_from(["osug", "a", "k8s-2"])),
        "version": versions.CLUSTER,
        "api_names": draw(st.lists(st.sampled_from(["k8s.example", "10.9.9.9", "b.example"]), unique=True)),
        "network": {
            "interface": draw(_maybe(st.just("ens192"))),
            "pod_cidr": draw(_maybe(st.just("10.60.0.0/16"))),
            "service_cidr": draw(_maybe(st.just("10.61.0.0/16"))),
            "mtu": draw(_maybe(st.integers(1280, 1420))),
            "backend": None if encrypted else draw(_maybe(st.sampled_from(["vxlan", "host-gw"]))),
            "encryption": "wireguard" if encrypted else None,
        },
        "dns_domain": draw(_maybe(st.just("k8s.local"))),
        "etcd": {
            "snapshots": {"every": every, "keep": keep, "s3": "etcd" if s3 else None},
            "uid": draw(_maybe(st.integers(1, 60000))),
        },
        "audit_log": {"enabled": draw(_maybe(st.booleans())), "keep_days": draw(_maybe(st.integers(1, 99)))},
        "encrypt_secrets": draw(_maybe(st.booleans())),
        "ssh": {"user": draw(_maybe(st.just("deploy"))), "port": draw(_maybe(st.integers(1, 65535)))},
        "kubelet": {
            "pod_max_pids": draw(_maybe(st.integers(64, 9999))),
            "seccomp_default": draw(_maybe(st.booleans())),
            "protect_kernel_defaults": draw(_maybe(st.booleans())),
            "serving_certificates": draw(_maybe(st.booleans())),
        },
        "admission": {
            "pod_security": draw(_maybe(st.sampled_from(["privileged", "baseline", "restricted"]))),
            "event_rate_limit": draw(_maybe(st.booleans())),
            "always_pull_images": draw(_maybe(st.booleans())),
        },
        "accept_any_docker": draw(_maybe(st.booleans())),
        "metrics_server": draw(_maybe(st.booleans())),
        "extra_args": {
            name: draw(_FLAGS)
            for name in ("kubelet", "kube_proxy", "kube_apiserver", "kube_controller", "scheduler", "etcd")
        },
    }
    registry = draw(
        st.sampled_from([None, {"url": "r.example/k8s"}, {"url": "r.example", "username": "u", "password": "canary-p"}])
    )
    nodes = {"cp1": {"roles": ["controlplane", "etcd"], "address": "10.20.0.11"}}
    for number in range(draw(st.integers(1, 4))):
        nodes[draw(st.sampled_from(["w", "node-", "w.example-"])) + str(number)] = {
            "roles": draw(st.sampled_from([["worker"], ["worker", "controlplane"]])),
            "address": f"10.20.0.{21 + number}",
            "internal_address": draw(_maybe(st.just(f"192.168.7.{21 + number}"))),
            "labels": draw(
                st.dictionaries(st.sampled_from(["disk", "a/b"]), st.sampled_from(["ssd", "", "7", "true"]))
            ),
            "taints": draw(st.lists(st.sampled_from(["gpu=true:NoSchedule", "x:NoExecute"]), unique=True)),
        }
    return _some(
        {
            "cluster": cluster,
            "registry": registry,
            "nodes": nodes,
            "locations": {"etcd": {"s3": {**S3, "prefix": draw(_maybe(st.just("k8s/osug")))}}} if s3 else None,
            "authentication": {"oidc": OIDC} if draw(st.booleans()) else None,
        }
    )
