"""The summary at the end of a run, as a state.

Source: the execution module ``k8s_config``, which does the work.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError
from salt.state import STATE_INTERNAL_KEYWORDS
from saltk8s.base import arguments
from saltk8s.kubectl.client import scope

__virtualname__ = "k8s_config"


def __virtual__():
    if "k8s_config.status" in __salt__:
        return __virtualname__
    return False, "the execution module k8s_config is not loaded: run saltutil.sync_all"


def summarised(name):
    """
    The comment has the status table: cluster, nodes, services, tenants, certificates, backups. A service
    with a state that failed in this run is bad, whatever the state of its objects.

    name
        Any sentence.

    Never has ``changes``, and its result is True: what is not healthy has failed in its own state, or does not come
    from this run (a certificate that expires, an overdue backup). Those are warnings. With test=True it is the same.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        Status of the platform:
          k8s_config.summarised
    """
    ret = {"name": name, "changes": {}, "result": True, "comment": ""}
    try:
        with scope.entered(__context__, scope.of(globals())):
            found = __salt__["k8s_config.status"](failures=_failures(__running__))
    except CommandExecutionError as err:
        return ret | {"comment": str(err), "warnings": ["no summary available"]}
    warnings = [
        f"{row['part']} {row['name']}: {row['why']}" for row in found["rows"] if row["state"] in ("bad", "unknown")
    ]
    return ret | {"comment": "\n".join(found["lines"])} | ({"warnings": warnings} if warnings else {})


def _failures(running):
    """Return {service: first line of the comment} of the states that failed before this one."""
    found = {}
    for state in running.values():
        if state["result"] is False:
            service = state.get("__sls__", "").removeprefix("k8s.").partition(".")[0]
            found.setdefault(service, (state["comment"].splitlines() or [""])[0])
    return found


arguments.guard(globals(), None, None, STATE_INTERNAL_KEYWORDS)
