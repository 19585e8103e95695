"""Image references, and where a site's registry has them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


def split(reference: str) -> tuple[str, str]:
    """Return a reference as (registry host, rest); the host is empty for Docker Hub."""
    first, slash, rest = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "", reference


def through(reference: str, registry: dict[str, Any] | None) -> str:
    """Return where an image is pulled from.

    reference: an image as published, such as ``quay.io/metallb/speaker:v0.15.2``; registry: the model's
    ``registry``, or None. With a registry, the reference's host is taken off and the site's ``url`` put in front:
    ``registry.osug.example/metallb/speaker:v0.15.2``. One that begins with the site's ``url`` stays as it is.
    """
    if not registry or reference.startswith(f"{registry['url']}/"):
        return reference
    return f"{registry['url']}/{split(reference)[1]}"


def digests(references: Iterable[str], registry: dict[str, Any] | None) -> dict[str, str]:
    """Return the digest that a mirror must have under each tag: of the references that are pinned by one.

    The keys are where an image is pulled from, without the digest: what it is copied to.
    """
    pinned = (through(reference, registry).partition("@") for reference in references if "@" in reference)
    return {tagged: digest for tagged, _, digest in pinned}


def with_version(image: str, service: dict[str, Any]) -> str:
    """Return an image with ``{version}``, or another key of its service in braces, replaced by the key's value."""
    return re.sub(r"\{(\w+)\}", lambda found: service[found[1]], image)


def of_services(model: dict[str, Any]) -> dict[str, list[str]]:
    """Return the images of each enabled service, as published."""
    return {
        name: sorted(service["images"].values())
        for name, service in model["services"].items()
        if service["enabled"] and service["images"]
    }
