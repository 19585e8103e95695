"""saltk8s: pillar data in git becomes a running Kubernetes platform.

This package is the thinking: plain Python, no Salt dunders. Execution and state modules are thin edges over it.
"""

__version__ = "0.1.0"
