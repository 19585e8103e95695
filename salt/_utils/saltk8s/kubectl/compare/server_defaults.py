"""What the API server does to the values of Kubernetes' own objects, by kind: other spellings, defaults, what vanishes.

Only what managedFields do not tell stands here. They tell which lists have keys and which values are replaced as one
(``saltk8s.kubectl.compare.local``); they do not tell that ``0.25`` becomes ``250m``, and inside a value that is
replaced as one they tell nothing at all: there a field that is not declared is either a default, or has to go.

A field that is missing here costs a request. A wrong one could hide a change: the property tests look for those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltk8s.kubectl.manifests.identity import BUILT_IN

# How a value is written: as it is, as a quantity, as a quantity of a resource list, as base64.
PLAIN, QUANTITY, RESOURCE, BASE64 = "plain", "quantity", "resource", "base64"


class Shape:
    """What is known of a value; of a list, what is known of each of its items.

    fields: shapes of fields by name; rest: the shape of the others; form: how a scalar is written; is_map: a map of
    free keys, which vanishes when it is empty; merged: what others add to it stays, also where no managedFields say so;
    raw: any JSON, kept as it is; zero: fields whose zero value ("", 0, false) is as good as none; defaults: what fields
    get that are not given; fill: function of the declared and the live value that returns the declared one with those
    defaults that depend on other fields.
    """

    __slots__ = ("fields", "rest", "form", "is_map", "merged", "raw", "zero", "defaults", "fill")

    def __init__(
        self,
        fields: Mapping[str, Shape] | None = None,
        rest: Shape | None = None,
        form: str = PLAIN,
        is_map: bool = False,
        merged: bool = False,
        raw: bool = False,
        zero: str = "",
        defaults: Mapping[str, Any] | None = None,
        fill: Callable[[Mapping, Mapping], Mapping[str, Any]] | None = None,
    ):
        self.fields = dict(fields or {})
        self.rest = rest or self
        self.form = form
        self.is_map = is_map
        self.merged = merged
        self.raw = raw
        self.zero = frozenset(zero.split())
        self.defaults = dict(defaults or {})
        self.fill = fill

    def of(self, name: str) -> Shape:
        """Return the shape of a field."""
        return self.fields.get(name, self.rest)


UNKNOWN = Shape()
RAW = Shape(raw=True)


def of(group: str, kind: str) -> Shape:
    """Return the shape of an object: of Kubernetes' own kinds from the table, of custom ones that nothing is done."""
    if group not in BUILT_IN:
        return _CUSTOM
    return KINDS.get((group, kind), _OBJECT)


def shape(_zero: str = "", _defaults: Mapping[str, Any] | None = None, _fill=None, **fields: Shape) -> Shape:
    """Return the shape of a value with fields."""
    return Shape(fields, UNKNOWN, zero=_zero, defaults=_defaults, fill=_fill)


def _map(rest: Shape = UNKNOWN, merged: bool = False) -> Shape:
    return Shape(rest=rest, is_map=True, merged=merged)


_QUANTITY = Shape(form=QUANTITY)
_BASE64 = Shape(form=BASE64)
_TEXTS = _map()
_BYTES = _map(_BASE64, merged=True)
_RESOURCES = _map(Shape(form=RESOURCE))
_QUANTITIES = _map(_QUANTITY)
_ADDED = _map(merged=True)
_META = shape("generateName", labels=_ADDED, annotations=_ADDED, finalizers=Shape(merged=True))
_OBJECT = shape(metadata=_META)
_CUSTOM = Shape({"metadata": _META}, RAW)
_SELECTOR = shape(matchLabels=_TEXTS)
_RESOURCE_NEEDS = shape(limits=_RESOURCES, requests=_RESOURCES)

# -- pods

_FIELD_REF = shape("apiVersion", {"apiVersion": "v1"})
_RESOURCE_REF = shape("containerName", {"divisor": "0"}, divisor=_QUANTITY)
_NAMED = shape("name")
_REFERENCE = shape("apiVersion kind name namespace uid resourceVersion fieldPath")
_ENV = shape(
    "value",
    valueFrom=shape(fieldRef=_FIELD_REF, resourceFieldRef=_RESOURCE_REF, configMapKeyRef=_NAMED, secretKeyRef=_NAMED),
)
_HTTP = shape("host path", {"path": "/", "scheme": "HTTP"})
_HANDLER = {"httpGet": _HTTP, "exec": UNKNOWN, "grpc": shape("", {"service": ""})}
_PROBE = shape(
    "initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold",
    {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
    **_HANDLER,
)
_CONTAINER = shape(
    "workingDir stdin stdinOnce tty",
    {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "resources": {}},
    env=_ENV,
    envFrom=shape("prefix", configMapRef=_NAMED, secretRef=_NAMED),
    resources=_RESOURCE_NEEDS,
    ports=shape("name hostIP hostPort", {"protocol": "TCP"}),
    volumeMounts=shape("readOnly subPath subPathExpr"),
    livenessProbe=_PROBE,
    readinessProbe=_PROBE,
    startupProbe=_PROBE,
    lifecycle=shape(postStart=shape(**_HANDLER), preStop=shape(**_HANDLER)),
)
_MODE = {"defaultMode": 420}
_DOWNWARD_ITEMS = shape(fieldRef=_FIELD_REF, resourceFieldRef=_RESOURCE_REF)
_CLAIM_SPEC = shape(
    "volumeName", {"volumeMode": "Filesystem", "resources": {}}, selector=_SELECTOR, resources=_RESOURCE_NEEDS
)
_VOLUME = shape(
    configMap=shape("name", _MODE),
    secret=shape("secretName", _MODE),
    downwardAPI=shape("", _MODE, items=_DOWNWARD_ITEMS),
    projected=shape(
        "",
        _MODE,
        sources=shape(
            configMap=_NAMED,
            secret=_NAMED,
            downwardAPI=shape(items=_DOWNWARD_ITEMS),
            serviceAccountToken=shape("audience", {"expirationSeconds": 3600}),
        ),
    ),
    emptyDir=shape("medium", sizeLimit=_QUANTITY),
    hostPath=shape("", {"type": ""}),
    persistentVolumeClaim=shape("readOnly"),
    nfs=shape("readOnly"),
    csi=shape(volumeAttributes=_TEXTS),
    ephemeral=shape(volumeClaimTemplate=shape(metadata=_META, spec=_CLAIM_SPEC)),
)
_NODE_TERM = shape(matchExpressions=UNKNOWN, matchFields=UNKNOWN)
_POD_TERM = shape("topologyKey", labelSelector=_SELECTOR, namespaceSelector=_SELECTOR)
_POD_TERMS = shape(
    requiredDuringSchedulingIgnoredDuringExecution=_POD_TERM,
    preferredDuringSchedulingIgnoredDuringExecution=shape(podAffinityTerm=_POD_TERM),
)
_POD_SPEC = shape(
    "serviceAccountName serviceAccount nodeName hostNetwork hostPID hostIPC hostname subdomain priorityClassName",
    {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "terminationGracePeriodSeconds": 30,
        "schedulerName": "default-scheduler",
        "securityContext": {},
    },
    containers=_CONTAINER,
    initContainers=_CONTAINER,
    volumes=_VOLUME,
    overhead=_RESOURCES,
    nodeSelector=_TEXTS,
    tolerations=shape("key operator value effect"),
    affinity=shape(
        nodeAffinity=shape(
            requiredDuringSchedulingIgnoredDuringExecution=shape(nodeSelectorTerms=_NODE_TERM),
            preferredDuringSchedulingIgnoredDuringExecution=shape(preference=_NODE_TERM),
        ),
        podAffinity=_POD_TERMS,
        podAntiAffinity=_POD_TERMS,
    ),
    topologySpreadConstraints=shape(labelSelector=_SELECTOR),
)
_TEMPLATE = shape(metadata=_META, spec=_POD_SPEC)

# -- workloads

_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
_DEPLOYMENT = shape(
    "paused minReadySeconds",
    {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600, "strategy": _ROLLING},
    strategy=shape("", _ROLLING, rollingUpdate=shape("", _ROLLING["rollingUpdate"])),
    selector=_SELECTOR,
    template=_TEMPLATE,
)
_PARTITIONED = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
_RETAIN = {"whenDeleted": "Retain", "whenScaled": "Retain"}
_CLAIM_TEMPLATE = shape(
    "",
    {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}},
    metadata=_META,
    spec=_CLAIM_SPEC,
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
    updateStrategy=shape("", _PARTITIONED, rollingUpdate=shape("", {"partition": 0})),
    persistentVolumeClaimRetentionPolicy=shape("", _RETAIN),
    selector=_SELECTOR,
    template=_TEMPLATE,
    volumeClaimTemplates=_CLAIM_TEMPLATE,
)
_ONE_BY_ONE = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
_DAEMON_SET = shape(
    "minReadySeconds",
    {"revisionHistoryLimit": 10, "updateStrategy": _ONE_BY_ONE},
    selector=_SELECTOR,
    template=_TEMPLATE,
    updateStrategy=shape("", _ONE_BY_ONE, rollingUpdate=shape("", _ONE_BY_ONE["rollingUpdate"])),
)
_JOB_FIELDS = {
    "selector": _SELECTOR,
    "template": _TEMPLATE,
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
    jobTemplate=shape(metadata=_META, spec=shape(**_JOB_FIELDS)),  # a job gets its defaults when it is made of this
)

# -- network, rights, limits


def _service(value: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """An empty address, and a node's port 0, ask for any: the service keeps those that it has."""
    given = {name: one for name, one in value.items() if not (name == "clusterIP" and one == "")}
    whole = {**live, **given}
    on_nodes = whole.get("type") == "NodePort" or (
        whole.get("type") == "LoadBalancer" and whole.get("allocateLoadBalancerNodePorts") is not False
    )
    if on_nodes and live.get("type") == whole["type"] and isinstance(given.get("ports"), list):
        kept = {(one.get("port"), one.get("protocol")): one.get("nodePort") for one in live.get("ports") or ()}
        given["ports"] = [_kept_port(one, kept) for one in given["ports"]]
    return given


def _kept_port(port: Any, kept: Mapping[Any, Any]) -> Any:
    if not isinstance(port, Mapping) or port.get("nodePort") != 0:
        return port
    return {**port, "nodePort": kept.get((port.get("port"), port.get("protocol", "TCP")))}


_SERVICE = shape(
    "externalName loadBalancerIP publishNotReadyAddresses type sessionAffinity",
    {"type": "ClusterIP", "sessionAffinity": "None"},
    _service,
    selector=_TEXTS,
    ports=shape("name nodePort", {"protocol": "TCP"}),
)
_BACKEND = shape(service=shape(port=shape("name number")))
_INGRESS = shape(
    defaultBackend=_BACKEND,
    tls=shape("secretName"),
    rules=shape("host", http=shape(paths=shape("path", backend=_BACKEND))),
)
_PEER = shape(podSelector=_SELECTOR, namespaceSelector=_SELECTOR)
_POLICY_PORTS = shape("", {"protocol": "TCP"})


def _policy(value: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """An empty list of types is as good as none: they follow from the rules, whoever gave them."""
    if value.get("policyTypes") != []:
        return value
    rules = value.get("egress") or live.get("egress")
    return {**value, "policyTypes": ["Ingress", "Egress"] if rules else ["Ingress"]}


_NETWORK_POLICY = shape(
    "",
    None,
    _policy,
    podSelector=_SELECTOR,
    ingress=shape(**{"from": _PEER, "ports": _POLICY_PORTS}),
    egress=shape(to=_PEER, ports=_POLICY_PORTS),
)
_RBAC = "rbac.authorization.k8s.io"


def _subject(value: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"apiGroup": _RBAC, **value} if value.get("kind") in ("User", "Group") else value


_BINDING = shape(
    metadata=_META, subjects=shape("apiGroup namespace", None, _subject), roleRef=shape("", {"apiGroup": _RBAC})
)
_ROLE = shape(metadata=_META, aggregationRule=shape(clusterRoleSelectors=_SELECTOR))


def _limits(value: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """The limits that a container gets follow from the greatest ones, what it requests from its limits."""
    if value.get("type") != "Container":
        return value
    default = (value.get("max") or {}) | (value.get("default") or {})
    requests = (value.get("min") or {}) | default | (value.get("defaultRequest") or {})
    return {**value, **({"default": default} if default else {}), **({"defaultRequest": requests} if requests else {})}


_LIMIT = shape(
    "", None, _limits, **dict.fromkeys(("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"), _RESOURCES)
)
_TARGET = shape(value=_QUANTITY, averageValue=_QUANTITY)
_METRIC = shape(selector=_SELECTOR)
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

# -- definitions, admission

_SCHEMA = Shape(
    rest=UNKNOWN,
    zero=(
        "description type format title pattern nullable uniqueItems exclusiveMinimum exclusiveMaximum id $schema "
        "x-kubernetes-embedded-resource x-kubernetes-int-or-string"
    ),
)
_SCHEMAS = _map(_SCHEMA)
_SCHEMA.fields = (
    dict.fromkeys(("properties", "patternProperties", "definitions", "dependencies"), _SCHEMAS)
    | dict.fromkeys(("items", "additionalProperties", "allOf", "anyOf", "oneOf", "not", "additionalItems"), _SCHEMA)
    | dict.fromkeys(("default", "enum", "example"), RAW)
    | {"x-kubernetes-validations": shape("message messageExpression fieldPath")}
)
_PORT_443 = {"port": 443}
_CLIENT = shape(service=shape("", _PORT_443), caBundle=_BASE64)
_DEFINITION = shape(
    "",
    {"conversion": {"strategy": "None"}},
    conversion=shape(webhook=shape(clientConfig=_CLIENT)),
    versions=shape(
        "deprecated",
        {"served": False, "storage": False},
        schema=shape(openAPIV3Schema=_SCHEMA),
        additionalPrinterColumns=shape("format description priority"),
        subresources=shape(scale=UNKNOWN),
    ),
)
_ANY_SCOPE = shape("", {"scope": "*"})
_MATCHED = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
_WEBHOOK_DEFAULTS = _MATCHED | {"failurePolicy": "Fail", "timeoutSeconds": 10}
_WEBHOOK = {"clientConfig": _CLIENT, "rules": _ANY_SCOPE, "namespaceSelector": _SELECTOR, "objectSelector": _SELECTOR}
_MATCH = shape(
    "",
    _MATCHED,
    namespaceSelector=_SELECTOR,
    objectSelector=_SELECTOR,
    resourceRules=_ANY_SCOPE,
    excludeResourceRules=_ANY_SCOPE,
)


def _namespace(value: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """What finalises a namespace is set when it is made, and no apply changes it."""
    return {**value, "finalizers": live.get("finalizers")} if "finalizers" in value else value


def _with_spec(spec: Shape) -> Shape:
    spec.merged = True
    return shape(metadata=_META, spec=spec)


KINDS: dict[tuple[str, str], Shape] = {
    ("", "ConfigMap"): shape(metadata=_META, data=_ADDED, binaryData=_BYTES),
    ("", "Secret"): shape("type", {"type": "Opaque"}, metadata=_META, data=_BYTES),
    ("", "Namespace"): _with_spec(shape("", None, _namespace)),
    ("", "ServiceAccount"): shape(metadata=_META, imagePullSecrets=_NAMED, secrets=_REFERENCE),
    ("", "Service"): _with_spec(_SERVICE),
    ("", "PersistentVolumeClaim"): _with_spec(_CLAIM_SPEC),
    ("", "PersistentVolume"): _with_spec(shape(capacity=_RESOURCES)),
    ("", "ResourceQuota"): _with_spec(shape(hard=_RESOURCES)),
    ("", "LimitRange"): _with_spec(shape(limits=_LIMIT)),
    ("", "Pod"): _with_spec(_POD_SPEC),
    ("", "PodTemplate"): shape(metadata=_META, template=_TEMPLATE),
    ("", "ReplicationController"): _with_spec(shape(selector=_TEXTS, template=_TEMPLATE)),
    ("apps", "Deployment"): _with_spec(_DEPLOYMENT),
    ("apps", "ReplicaSet"): _with_spec(shape("minReadySeconds", {"replicas": 1}, template=_TEMPLATE)),
    ("apps", "StatefulSet"): _with_spec(_STATEFUL_SET),
    ("apps", "DaemonSet"): _with_spec(_DAEMON_SET),
    ("batch", "Job"): _with_spec(_JOB),
    ("batch", "CronJob"): _with_spec(_CRON_JOB),
    ("networking.k8s.io", "Ingress"): _with_spec(_INGRESS),
    ("networking.k8s.io", "NetworkPolicy"): _with_spec(_NETWORK_POLICY),
    ("policy", "PodDisruptionBudget"): _with_spec(shape(selector=_SELECTOR)),
    ("autoscaling", "HorizontalPodAutoscaler"): _with_spec(_AUTOSCALER),
    (_RBAC, "Role"): _ROLE,
    (_RBAC, "ClusterRole"): _ROLE,
    (_RBAC, "RoleBinding"): _BINDING,
    (_RBAC, "ClusterRoleBinding"): _BINDING,
    ("scheduling.k8s.io", "PriorityClass"): shape(
        "description globalDefault", {"preemptionPolicy": "PreemptLowerPriority"}, metadata=_META
    ),
    ("storage.k8s.io", "StorageClass"): shape(
        "", {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}, metadata=_META, parameters=_TEXTS
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _with_spec(_DEFINITION),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): shape(
        metadata=_META, webhooks=shape("", _WEBHOOK_DEFAULTS, **_WEBHOOK)
    ),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): shape(
        metadata=_META, webhooks=shape("", _WEBHOOK_DEFAULTS | {"reinvocationPolicy": "Never"}, **_WEBHOOK)
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): _with_spec(
        shape("", {"failurePolicy": "Fail"}, matchConstraints=_MATCH, validations=shape("message messageExpression"))
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): _with_spec(shape(matchResources=_MATCH)),
}
