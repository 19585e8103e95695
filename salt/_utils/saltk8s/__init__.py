"""saltk8s: pillar data in git becomes a running Kubernetes platform.

This package is the thinking: plain Python, no Salt dunders. Execution and state modules are thin edges over it.
"""

from __future__ import annotations


def __getattr__(name: str) -> str:
    """Compute ``__version__`` when it is asked for: in a checkout git is run for it, and the import takes 60 ms."""
    if name == "__version__":
        from saltk8s.base import version

        return version.version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
