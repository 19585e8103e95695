"""What the API server serves, asked without kubectl's discovery cache, which may be older than a definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltk8s.kubectl.manifests.identity import Kind, version_order

Ask = Callable[[str], Mapping[str, Any]]  # a path of the API server's -> its answer, empty when there is nothing


def served(kind: Kind, ask: Ask) -> Kind | None:
    """Return the kind at the newest version at which it is served, None when it is served at none."""
    root = f"/apis/{kind.group}" if kind.group else "/api"
    # the core group has only its versions' names
    versions = [item["version"] if kind.group else item for item in ask(root).get("versions") or ()]
    for version in sorted(versions, key=version_order):
        resources = ask(f"{root}/{version}").get("resources") or ()
        if any(item["kind"] == kind.kind and "/" not in item["name"] for item in resources):
            return kind._replace(version=version)
    return None
