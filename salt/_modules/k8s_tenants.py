"""The tenants of the pillar (``k8s:tenants``), as they are in the cluster. Runs on the admin minion.

Every function raises CommandExecutionError when the pillar is not valid, or when the API server does not answer.
How tenants work: docs/services/tenants.md.
"""

from __future__ import annotations

import socket
import time

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments
from saltk8s.kubectl.client import access, kubeconfig, scope
from saltk8s.kubectl.manifests.identity import SET_LABEL, is_copy
from saltk8s.services.tenants import kubeconfigs as tenant_kubeconfigs
from saltk8s.services.tenants import model as tenants
from saltk8s.services.tenants import openings, quota_report


def __virtual__():
    return "k8s_tenants"


def orphaned_namespaces():
    """
    Return the namespaces of former tenants: in the cluster, not in the pillar, and not in ``allow_removal``.

    Returns a map of namespace to tenant; empty before the cluster exists. Copies, which a restore made under another
    name, are not among them: they have quotas and policies of their own, which no run deletes.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_tenants.orphaned_namespaces
    """
    model = __salt__["k8s_config.get"](secrets=True)
    kubectl = access.kubectl(__salt__, __pillar__, None, None)
    live = kubectl.objects("get", "namespaces", f"--selector={tenants.LABEL}") if kubectl.cluster_exists else []
    live = [obj for obj in live if not is_copy(obj)]
    return tenants.orphaned_namespaces(live, model["tenants"], model["services"]["tenants"]["allow_removal"])


def open_machines():
    """
    Return the platform's machines that a tenant with ``opens: {internet: true}`` reaches.

    The pillar has them by a name (vCenter, registry, NFS and S3 servers, ...), which is resolved on this minion; one
    that does not resolve is left out. Returns a map of name to addresses; empty when no tenant opens the internet.
    Does not connect to the cluster.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_tenants.open_machines
    """
    model = __salt__["k8s_config.get"]()
    opened = any(tenant["opens"]["internet"] for tenant in model["tenants"].values())
    return openings.reached(model, _addresses) if opened else {}


def _addresses(name):
    try:
        return {found[4][0] for found in socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()


def report():
    """
    Return each tenant's quota against its use.

    Returns a map of tenant to ``namespaces`` (namespace -> resource -> ``used``, ``hard``, ``percent``), ``fullest``
    (the highest percent, None when nothing is known) and ``kubeconfig_until`` (UTC, None without one).

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_tenants.report
    """
    model = __salt__["k8s_config.get"](secrets=True)
    kubectl = access.kubectl(__salt__, __pillar__, None, None)
    quotas = kubectl.objects("get", "resourcequotas", "--all-namespaces", f"--selector={SET_LABEL}=tenants")
    found = quota_report.report(model["tenants"], quotas)
    for name, tenant in model["tenants"].items():
        own = tenant["kubeconfig"]
        found[name]["kubeconfig_until"] = tenant_kubeconfigs.expiry(own["path"]) if own else None
    return found


def kubeconfigs():
    """
    Return the tenants' kubeconfigs and how long they are valid. Does not connect to the cluster.

    Returns a map of tenant to ``path``, ``until`` (UTC, None when the file does not exist) and ``days_left`` (whole
    days, below 0 when it has expired, None).

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_tenants.kubeconfigs
    """
    found = {}
    for name, tenant in __salt__["k8s_config.get"](secrets=True)["tenants"].items():
        if tenant["kubeconfig"]:
            path = tenant["kubeconfig"]["path"]
            found[name] = {"path": path, **tenant_kubeconfigs.remaining(path, time.time())}
    return found


def write_kubeconfig(name, test=False):
    """
    Write a tenant's kubeconfig when it does not exist, differs from the pillar, or is about to expire.

    name
        The tenant.
    test
        Return what would be written and write nothing.

    Returns a dict: ``path``, ``reason`` (why it has to be written, empty when up to date), ``old`` and ``new`` (until
    when it was and is valid, UTC; ``new`` is None with ``test``). The token is never shown.
    Raises CommandExecutionError: no such tenant, or its ServiceAccount does not exist yet.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_tenants.write_kubeconfig resif test=True
    """
    model = __salt__["k8s_config.get"](secrets=True)
    kubectl = access.kubectl(__salt__, __pillar__, None, None)
    if test and not kubectl.cluster_exists:
        path = tenant_kubeconfigs.wanted(model, name, "").path
        return {"path": path, "reason": "the cluster does not exist yet", "old": None, "new": None}
    want = tenant_kubeconfigs.wanted(model, name, kubeconfig.certificate_authority(kubectl.kubeconfig))
    reason = tenant_kubeconfigs.reason(want, _account(kubectl, name), time.time())
    old = tenant_kubeconfigs.expiry(want.path)
    if not reason or test:
        return {"path": want.path, "reason": reason, "old": old, "new": None if reason else old}
    tenant_kubeconfigs.write(want, tenant_kubeconfigs.ask(kubectl, want))
    return {"path": want.path, "reason": reason, "old": old, "new": tenant_kubeconfigs.expiry(want.path)}


def _account(kubectl, name):
    """Return a tenant's ServiceAccount, None when there is none; for the states of a run, all are read at once."""
    found = scope.current(__context__)
    if found is None:
        accounts = kubectl.objects("get", "serviceaccount", name, "-n", tenants.ACCOUNTS, "--ignore-not-found")
        return accounts[0] if accounts else None
    accounts = found[1].get("accounts")
    if accounts is None:
        accounts = found[1].put("accounts", kubectl.objects("get", "serviceaccounts", "-n", tenants.ACCOUNTS))
    return next((one for one in accounts if one["metadata"]["name"] == name), None)


arguments.guard(globals(), SaltInvocationError, CommandExecutionError, as_job=True)
