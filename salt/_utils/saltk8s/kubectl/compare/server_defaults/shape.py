"""What can be known of a value, and the shapes that objects of many kinds share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Fill = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]  # (declared, live) -> declared, filled in

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
        fill: Fill | None = None,
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


def shape(
    zero: str = "",
    defaults: Mapping[str, Any] | None = None,
    fill: Fill | None = None,
    /,
    **fields: Shape,
) -> Shape:
    """Return the shape of a value with fields; its first three arguments are Shape's."""
    return Shape(fields, UNKNOWN, zero=zero, defaults=defaults, fill=fill)


def map_of(rest: Shape = UNKNOWN, merged: bool = False) -> Shape:
    """Return the shape of a map with free keys."""
    return Shape(rest=rest, is_map=True, merged=merged)


def with_spec(spec: Shape) -> Shape:
    """Return the shape of an object with metadata and this spec."""
    spec.merged = True
    return shape(metadata=META, spec=spec)


A_QUANTITY = Shape(form=QUANTITY)
IN_BASE64 = Shape(form=BASE64)
TEXTS = map_of()
BYTES = map_of(IN_BASE64, merged=True)
RESOURCES = map_of(Shape(form=RESOURCE))
ADDED = map_of(merged=True)
META = shape("generateName", labels=ADDED, annotations=ADDED, finalizers=Shape(merged=True))
SELECTOR = shape(matchLabels=TEXTS)
RESOURCE_NEEDS = shape(limits=RESOURCES, requests=RESOURCES)
NAMED = shape("name")
REFERENCE = shape("apiVersion kind name namespace uid resourceVersion fieldPath")
