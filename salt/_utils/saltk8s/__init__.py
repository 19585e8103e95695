"""saltk8s: pillar data in git becomes a running Kubernetes platform.

This package is the thinking: plain Python, no Salt dunders. Execution and state modules are thin edges over it.
"""

from __future__ import annotations

from saltk8s.base import version as _version


def __getattr__(name: str) -> str:
    """Compute ``__version__`` when it is asked for: in a checkout git is run for it."""
    if name == "__version__":
        return _version.version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
