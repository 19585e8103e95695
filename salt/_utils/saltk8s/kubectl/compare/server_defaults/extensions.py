"""What extends the API: CustomResourceDefinitions, admission webhooks and policies."""

from __future__ import annotations

from saltk8s.kubectl.compare.server_defaults.shape import (
    IN_BASE64,
    META,
    RAW,
    SELECTOR,
    UNKNOWN,
    Shape,
    map_of,
    shape,
    with_spec,
)

_SCHEMA = Shape(
    rest=UNKNOWN,
    zero=(
        "description type format title pattern nullable uniqueItems exclusiveMinimum exclusiveMaximum id $schema "
        "x-kubernetes-embedded-resource x-kubernetes-int-or-string"
    ),
)
_SCHEMAS = map_of(_SCHEMA)
_SCHEMA.fields = (
    dict.fromkeys(("properties", "patternProperties", "definitions", "dependencies"), _SCHEMAS)
    | dict.fromkeys(("items", "additionalProperties", "allOf", "anyOf", "oneOf", "not", "additionalItems"), _SCHEMA)
    | dict.fromkeys(("default", "enum", "example"), RAW)
    | {"x-kubernetes-validations": shape("message messageExpression fieldPath")}
)
_PORT_443 = {"port": 443}
_CLIENT = shape(service=shape("", _PORT_443), caBundle=IN_BASE64)
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
_WEBHOOK = {"clientConfig": _CLIENT, "rules": _ANY_SCOPE, "namespaceSelector": SELECTOR, "objectSelector": SELECTOR}
_MATCH = shape(
    "",
    _MATCHED,
    namespaceSelector=SELECTOR,
    objectSelector=SELECTOR,
    resourceRules=_ANY_SCOPE,
    excludeResourceRules=_ANY_SCOPE,
)

KINDS = {
    ("apiextensions.k8s.io", "CustomResourceDefinition"): with_spec(_DEFINITION),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): shape(
        metadata=META, webhooks=shape("", _WEBHOOK_DEFAULTS, **_WEBHOOK)
    ),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): shape(
        metadata=META, webhooks=shape("", _WEBHOOK_DEFAULTS | {"reinvocationPolicy": "Never"}, **_WEBHOOK)
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): with_spec(
        shape("", {"failurePolicy": "Fail"}, matchConstraints=_MATCH, validations=shape("message messageExpression"))
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): with_spec(shape(matchResources=_MATCH)),
}
