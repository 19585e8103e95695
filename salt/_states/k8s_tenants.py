"""The tenants of the pillar as states: their kubeconfigs, and that no namespace loses its quota by mistake.

Part of the formula ``k8s.tenants``; ``kubectl.applied`` applies the objects themselves. For operators:
docs/services/tenants.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError
from salt.state import STATE_INTERNAL_KEYWORDS
from saltk8s.base import arguments, edges
from saltk8s.kubectl.client import scope

__virtualname__ = "k8s_tenants"


def __virtual__():
    if "k8s_tenants.orphaned_namespaces" in __salt__:
        return __virtualname__
    return False, "the execution module k8s_tenants is not loaded: run saltutil.sync_all"


def namespaces_kept(name):
    """
    Every tenant's namespace in the cluster is one of ``k8s:tenants``, or may be removed.

    name
        Any text.

    Makes no ``changes``. Result False, in test mode too, when a namespace of a former tenant is neither: with the
    tenant's objects its quota and its network policies would be deleted, while its workloads stay.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        k8s-tenants-kept:
          k8s_tenants.namespaces_kept:
            - name: tenants
    """

    def orphaned():
        found = __salt__["k8s_tenants.orphaned_namespaces"]()
        return _obstacles(found) if found else []

    return _checked(name, orphaned, "every tenant's namespace is in the pillar")


def _checked(name, find_obstacles, unchanged):
    """Return the result of a state that changes nothing: False with what the function finds."""

    def call():
        return {"changes": {}, "lines": [], "obstacles": find_obstacles()}

    return edges.state_result(name, bool(__opts__["test"]), CommandExecutionError, call, unchanged)


def _obstacles(orphaned):
    lines = ["no tenant was changed:"]
    lines += [
        f"the namespace {space} of the tenant {tenant} is in the cluster, but no longer in k8s:tenants"
        for space, tenant in sorted(orphaned.items())
    ]
    lines.append(
        f"declare it again, or delete it with everything in it, volumes too: k8s:services:tenants:allow_removal: "
        f"[{', '.join(sorted(orphaned))}]"
    )
    return lines


def machines_closed(name):
    """
    No tenant with ``opens: {internet: true}`` reaches a machine of the platform that the pillar has by its name.

    name
        Any text.

    Makes no ``changes``. Result False, in test mode too, when one of these names has an address outside of
    ``k8s:services:tenants:closed_networks``, the private networks and the cluster's own; see ``open_machines``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        k8s-tenants-closed:
          k8s_tenants.machines_closed:
            - name: tenants
    """

    def reached():
        return [
            f"tenants that open the internet reach {machine} at {', '.join(addresses)}: add its network to "
            "k8s:services:tenants:closed_networks"
            for machine, addresses in __salt__["k8s_tenants.open_machines"]().items()
        ]

    return _checked(name, reached, "no tenant reaches the platform's machines through the internet")


def kubeconfig_present(name):
    """
    The tenant's kubeconfig exists, readable by root only, for this cluster, and does not expire soon.

    name
        The tenant; path, role and times are those of ``k8s:tenants:NAME:kubeconfig``.

    ``changes`` has the path with ``old`` and ``new``, the ends of validity; never the token. With test=True
    nothing is written.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        resif:
          k8s_tenants.kubeconfig_present: []
    """
    test = bool(__opts__["test"])

    def call():
        with scope.entered(__context__, scope.of(globals())):
            done = __salt__["k8s_tenants.write_kubeconfig"](name, test=test)
        if not done["reason"]:
            return {"changes": {}, "lines": [f"{done['path']} is valid until {done['new']}"]}
        old = f"valid until {done['old']}" if done["old"] else None
        new = f"valid until {done['new']}" if done["new"] else "a new one"
        line = f"{done['path']} {'would be' if test else 'was'} written: {done['reason']}"
        return {"changes": {done["path"]: {"old": old, "new": new}}, "lines": [line]}

    return edges.state_result(name, test, CommandExecutionError, call)


arguments.guard(globals(), None, None, STATE_INTERNAL_KEYWORDS)
