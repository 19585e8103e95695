"""What ``rke`` adds to the pillar's schema: its versions, its program, its files, and what it cannot do."""

from __future__ import annotations

from typing import Any

from saltk8s.engine.rke import aci, versions
from saltk8s.engine.rke.takeover import extra
from saltk8s.engine.schema import EngineSchema, PinnedProgram
from saltk8s.pillar.vocabulary import locations, values
from saltk8s.pillar.vocabulary.types import Report, Text

_SNAPSHOTS = ("k8s", "cluster", "etcd", "snapshots")

KubernetesVersion = Text(
    f"a pinned version of rke such as {versions.EXAMPLE}", versions.KUBERNETES.pattern, doc="pinned version"
)
RkeVersion = Text(
    f"a pinned version from v{versions.FIXED_IN[1]} on (of 1.4, from v{versions.FIXED_IN[0]} on): older ones publish "
    f"the cluster's keys, {versions.ADVISORY}",
    r"v\d{1,4}\.\d{1,4}\.\d{1,4}",
    test=versions.is_safe,
    doc="pinned version",
)


def _snapshots_on_s3(model: dict[str, Any], report: Report) -> None:
    """rke copies snapshots to S3 alone, through TLS, every so many hours."""
    snapshots = (model["cluster"]["etcd"] or {}).get("snapshots") or {}
    location = locations.find(model, snapshots.get("s3"), (*_SNAPSHOTS, "s3"), report, ("s3",))
    if not location:
        return
    every = snapshots.get("every")
    if every and values.seconds(every) % values.SECONDS["h"]:
        report.add((*_SNAPSHOTS, "every"), "whole hours, because rke counts in hours with S3", repr(every))
    endpoint = location["s3"]["endpoint"]
    if endpoint and not endpoint.startswith("https://"):
        expected = "a location whose endpoint is https://, the only scheme that rke supports"
        report.add((*_SNAPSHOTS, "s3"), expected, repr(endpoint))


def _docker(model: dict[str, Any], report: Report) -> None:
    """rke refuses every run while a node has a Docker that it does not know."""
    version = model["docker"]["version"]
    if version and not model["cluster"]["accept_any_docker"] and not versions.accepts_docker(version):
        expected = (
            f"a Docker that rke accepts, with its minor version ({versions.DOCKER_ACCEPTED}), "
            "or k8s:cluster:accept_any_docker: true"
        )
        report.add(("k8s", "docker", "version"), expected, repr(version))


SCHEMA = EngineSchema(
    version=KubernetesVersion,
    version_source="`rke config --list-version --all`",
    version_example=versions.EXAMPLE,
    programs={"rke": PinnedProgram(RkeVersion, "Rancher Kubernetes Engine.", "v1.8.5")},
    files={
        "cluster_yml": "cluster.yml",
        "state_file": "cluster.rkestate",  # rke derives this name and the next one from that of cluster.yml
        "kubeconfig": "kube_config_cluster.yml",
    },
    rules=(_snapshots_on_s3, _docker, extra.rule, aci.rule),
)
