"""The shape of an object by its kind."""

from __future__ import annotations

from saltk8s.kubectl.compare.server_defaults import cluster, extensions, networking, pods, workloads
from saltk8s.kubectl.compare.server_defaults.shape import META, RAW, Shape, shape
from saltk8s.kubectl.manifests.identity import BUILT_IN

KINDS: dict[tuple[str, str], Shape] = {
    **cluster.KINDS,
    **pods.KINDS,
    **workloads.KINDS,
    **networking.KINDS,
    **extensions.KINDS,
}
_OBJECT = shape(metadata=META)
_CUSTOM = Shape({"metadata": META}, RAW, raw=True)


def shape_of(group: str, kind: str) -> Shape:
    """Return the shape of an object: of a built-in kind from the tables; a custom one is stored as it is given."""
    if group not in BUILT_IN:
        return _CUSTOM
    return KINDS.get((group, kind), _OBJECT)
