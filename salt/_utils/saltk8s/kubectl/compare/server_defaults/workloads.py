"""Workloads: Deployments, StatefulSets, DaemonSets, Jobs, and what scales or protects them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.kubectl.compare.server_defaults.pods import CLAIM_SPEC, TEMPLATE
from saltk8s.kubectl.compare.server_defaults.shape import (
    A_QUANTITY,
    META,
    SELECTOR,
    TEXTS,
    UNKNOWN,
    Shape,
    shape,
    with_spec,
)

_SURGE = {"maxUnavailable": "25%", "maxSurge": "25%"}
_ROLLING = {"type": "RollingUpdate", "rollingUpdate": _SURGE}
_DEPLOYMENT = shape(
    "paused minReadySeconds",
    {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600, "strategy": _ROLLING},
    strategy=shape("", _ROLLING, rollingUpdate=shape("", _SURGE)),
    selector=SELECTOR,
    template=TEMPLATE,
)
_PARTITIONED = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}


def _filled_strategy(declared: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a StatefulSet's update strategy with what a missing type brings along: beside one that is given, the API
    server leaves ``rollingUpdate`` out.
    """
    if declared.get("type") or live.get("rollingUpdate"):
        return declared
    return {**declared, "rollingUpdate": _PARTITIONED["rollingUpdate"]}


_RETAIN = {"whenDeleted": "Retain", "whenScaled": "Retain"}
_CLAIM_TEMPLATE = shape(
    "",
    {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}},
    metadata=META,
    spec=CLAIM_SPEC,
)
_STATEFUL_SET = shape(
    "minReadySeconds serviceName",
    {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": _PARTITIONED,
        "persistentVolumeClaimRetentionPolicy": _RETAIN,
    },
    updateStrategy=shape("", _PARTITIONED, _filled_strategy, rollingUpdate=shape("", {"partition": 0})),
    persistentVolumeClaimRetentionPolicy=shape("", _RETAIN),
    selector=SELECTOR,
    template=TEMPLATE,
    volumeClaimTemplates=_CLAIM_TEMPLATE,
)
_ONE = {"maxUnavailable": 1, "maxSurge": 0}
_ONE_BY_ONE = {"type": "RollingUpdate", "rollingUpdate": _ONE}
_DAEMON_SET = shape(
    "minReadySeconds",
    {"revisionHistoryLimit": 10, "updateStrategy": _ONE_BY_ONE},
    selector=SELECTOR,
    template=TEMPLATE,
    updateStrategy=shape("", _ONE_BY_ONE, rollingUpdate=shape("", _ONE)),
)
_JOB_FIELDS = {
    "selector": SELECTOR,
    "template": TEMPLATE,
    "podFailurePolicy": shape(rules=shape(onPodConditions=shape("", {"status": "True"}))),
}
_JOB = shape(
    "",
    {
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
        "manualSelector": False,
    },
    **_JOB_FIELDS,
)
_CRON_JOB = shape(
    "",
    {"concurrencyPolicy": "Allow", "suspend": False, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1},
    jobTemplate=shape(metadata=META, spec=shape(**_JOB_FIELDS)),  # a Job gets its defaults when it is created from this
)

# -- autoscaling

_TARGET = shape(value=A_QUANTITY, averageValue=A_QUANTITY)
_METRIC = shape(selector=SELECTOR)
_METRICS = shape(
    resource=shape(target=_TARGET),
    containerResource=shape(target=_TARGET),
    pods=shape(target=_TARGET, metric=_METRIC),
    object=shape(target=_TARGET, metric=_METRIC, describedObject=shape("apiVersion")),
    external=shape(target=_TARGET, metric=_METRIC),
)
_CPU = [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]
_BEHAVIOR = {name: Shape(rest=UNKNOWN, merged=True) for name in ("scaleUp", "scaleDown")}
_AUTOSCALER = shape("", {"minReplicas": 1, "metrics": _CPU}, metrics=_METRICS, behavior=Shape(_BEHAVIOR, merged=True))

KINDS = {
    ("", "ReplicationController"): with_spec(shape(selector=TEXTS, template=TEMPLATE)),
    ("apps", "Deployment"): with_spec(_DEPLOYMENT),
    ("apps", "ReplicaSet"): with_spec(shape("minReadySeconds", {"replicas": 1}, template=TEMPLATE)),
    ("apps", "StatefulSet"): with_spec(_STATEFUL_SET),
    ("apps", "DaemonSet"): with_spec(_DAEMON_SET),
    ("batch", "Job"): with_spec(_JOB),
    ("batch", "CronJob"): with_spec(_CRON_JOB),
    ("policy", "PodDisruptionBudget"): with_spec(shape(selector=SELECTOR)),
    ("autoscaling", "HorizontalPodAutoscaler"): with_spec(_AUTOSCALER),
}
