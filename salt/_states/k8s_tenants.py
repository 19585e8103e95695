"""The tenants of the pillar as states: their kubeconfigs, and that no namespace loses its fence unnoticed.

Part of the formula ``k8s.tenants``; the objects themselves are ``kubectl.applied``'s. For operators:
docs/services/tenants.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError

__virtualname__ = "k8s_tenants"


def __virtual__():
    if "k8s_tenants.lost" in __salt__:
        return __virtualname__
    return False, "the execution module k8s_tenants is not there: run saltutil.sync_all"


def namespaces_kept(name):
    """
    Every tenant's namespace in the cluster is one of ``k8s:tenants``, or may be removed.

    name
        Any text.

    Makes no ``changes``. Result False, in test mode too, when a namespace of a former tenant is neither: with the
    tenant's objects its quota and its network fence would go, while what runs in it stays.

    CLI Example:

    .. code-block:: yaml

        k8s-tenants-kept:
          k8s_tenants.namespaces_kept:
            - name: tenants
    """
    ret = {"name": name, "changes": {}, "result": True, "comment": "every tenant's namespace is in the pillar"}
    try:
        lost = __salt__["k8s_tenants.lost"]()
    except CommandExecutionError as err:
        return ret | {"result": False, "comment": str(err)}
    if not lost:
        return ret
    lines = ["nothing was done for any tenant:"]
    lines += [
        f"the namespace {space} of the tenant {tenant} is in the cluster, and k8s:tenants has it no more"
        for space, tenant in sorted(lost.items())
    ]
    lines.append(
        f"put it back, or delete it with everything in it, volumes too: k8s:services:tenants:allow_removal: "
        f"[{', '.join(sorted(lost))}]"
    )
    return ret | {"result": False, "comment": "\n".join(lines)}


def kubeconfig_present(name):
    """
    The tenant's kubeconfig is there, for root only, of this cluster, and valid for long enough.

    name
        The tenant; path, role and times are those of ``k8s:tenants:NAME:kubeconfig``.

    ``changes`` has the path with ``old`` and ``new``, until when it was and is valid; never the token. With test=True
    nothing is written.

    CLI Example:

    .. code-block:: yaml

        resif:
          k8s_tenants.kubeconfig_present: []
    """
    test = bool(__opts__["test"])
    ret = {"name": name, "changes": {}, "result": True, "comment": ""}
    try:
        done = __salt__["k8s_tenants.write_kubeconfig"](name, test=test)
    except CommandExecutionError as err:
        return ret | {"result": False, "comment": str(err)}
    if not done["reason"]:
        return ret | {"comment": f"{done['path']} is valid until {done['new']}"}
    new = f"valid until {done['new']}" if done["new"] else "a new one"
    old = f"valid until {done['old']}" if done["old"] else None
    said = f"{done['path']} {'would be' if test else 'was'} written: {done['reason']}"
    changes = {done["path"]: {"old": old, "new": new}}
    return ret | {"changes": changes, "result": None if test else True, "comment": said}
