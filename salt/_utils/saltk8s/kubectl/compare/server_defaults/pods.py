"""Pods and what workloads make them of."""

from __future__ import annotations

from saltk8s.kubectl.compare.server_defaults.shape import (
    A_QUANTITY,
    META,
    NAMED,
    RESOURCE_NEEDS,
    RESOURCES,
    SELECTOR,
    TEXTS,
    UNKNOWN,
    shape,
    with_spec,
)

FIELD_REF = shape("apiVersion", {"apiVersion": "v1"})
RESOURCE_REF = shape("containerName", {"divisor": "0"}, divisor=A_QUANTITY)
_ENV = shape(
    "value",
    valueFrom=shape(fieldRef=FIELD_REF, resourceFieldRef=RESOURCE_REF, configMapKeyRef=NAMED, secretKeyRef=NAMED),
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
    envFrom=shape("prefix", configMapRef=NAMED, secretRef=NAMED),
    resources=RESOURCE_NEEDS,
    ports=shape("name hostIP hostPort", {"protocol": "TCP"}),
    volumeMounts=shape("readOnly subPath subPathExpr"),
    livenessProbe=_PROBE,
    readinessProbe=_PROBE,
    startupProbe=_PROBE,
    lifecycle=shape(postStart=shape(**_HANDLER), preStop=shape(**_HANDLER)),
)
_MODE = {"defaultMode": 420}
_DOWNWARD_ITEMS = shape(fieldRef=FIELD_REF, resourceFieldRef=RESOURCE_REF)
CLAIM_SPEC = shape(
    "volumeName", {"volumeMode": "Filesystem", "resources": {}}, selector=SELECTOR, resources=RESOURCE_NEEDS
)
_VOLUME = shape(
    configMap=shape("name", _MODE),
    secret=shape("secretName", _MODE),
    downwardAPI=shape("", _MODE, items=_DOWNWARD_ITEMS),
    projected=shape(
        "",
        _MODE,
        sources=shape(
            configMap=NAMED,
            secret=NAMED,
            downwardAPI=shape(items=_DOWNWARD_ITEMS),
            serviceAccountToken=shape("audience", {"expirationSeconds": 3600}),
        ),
    ),
    emptyDir=shape("medium", sizeLimit=A_QUANTITY),
    hostPath=shape("", {"type": ""}),
    persistentVolumeClaim=shape("readOnly"),
    nfs=shape("readOnly"),
    csi=shape(volumeAttributes=TEXTS),
    ephemeral=shape(volumeClaimTemplate=shape(metadata=META, spec=CLAIM_SPEC)),
)
_NODE_TERM = shape(matchExpressions=UNKNOWN, matchFields=UNKNOWN)
_POD_TERM = shape("topologyKey", labelSelector=SELECTOR, namespaceSelector=SELECTOR)
_POD_TERMS = shape(
    requiredDuringSchedulingIgnoredDuringExecution=_POD_TERM,
    preferredDuringSchedulingIgnoredDuringExecution=shape(podAffinityTerm=_POD_TERM),
)
POD_SPEC = shape(
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
    overhead=RESOURCES,
    nodeSelector=TEXTS,
    tolerations=shape("key operator value effect"),
    affinity=shape(
        nodeAffinity=shape(
            requiredDuringSchedulingIgnoredDuringExecution=shape(nodeSelectorTerms=_NODE_TERM),
            preferredDuringSchedulingIgnoredDuringExecution=shape(preference=_NODE_TERM),
        ),
        podAffinity=_POD_TERMS,
        podAntiAffinity=_POD_TERMS,
    ),
    topologySpreadConstraints=shape(labelSelector=SELECTOR),
)
TEMPLATE = shape(metadata=META, spec=POD_SPEC)

KINDS = {
    ("", "Pod"): with_spec(POD_SPEC),
    ("", "PodTemplate"): shape(metadata=META, template=TEMPLATE),
}
