"""Whether a cluster still counts this machine as a node: its API server is asked with the node's own certificate."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml
from saltk8s.base import errors
from saltk8s.nodes.cleaning import Cleaning
from saltk8s.nodes.machine import Machine

KUBECONFIG = "/etc/kubernetes/ssl/kubecfg-kube-node.yaml"
TIMEOUT_S = 10
RUNNING = ("etcd", "kubelet")


class Answer(NamedTuple):
    """What an API server says: whether it has the node, None when it is not known; and why not."""

    counts: bool | None
    why: str = ""


def ask(machine: Machine, name: str) -> Answer:
    """Return whether the API server that this machine's kubelet uses has a node of this name."""
    text = machine.read(KUBECONFIG)
    if not text:
        return Answer(None, f"there is no {KUBECONFIG}")
    try:
        return _asked(machine, yaml.safe_load(text), name)
    except (OSError, ssl.SSLError, http.client.HTTPException) as err:
        return Answer(None, str(err))
    except (KeyError, IndexError, TypeError, ValueError, yaml.YAMLError):
        return Answer(None, f"{KUBECONFIG} cannot be read as a kubeconfig")


def check(machine: Machine, name: str, model: Mapping[str, Any] | None, typed: str, gone: bool) -> None:
    """Refuse to clean a machine that a cluster counts as a node, or may count.

    name: this minion's; model: of its pillar, None without one; typed: the confirmation, the node's name, or the
    cluster's for a cluster that is removed; gone: the caller knows that the cluster does not count it. Raises Refused.
    """
    cluster = model["cluster"]["name"] if model else None
    if typed not in (name, cluster):
        wanted = f"its own name {name}" + (f", or {cluster} when that cluster is removed" if cluster else "")
        raise errors.Refused(
            f"refused, nothing was done: {typed!r} does not confirm the cleaning of this node; {wanted}"
        )
    if gone:
        return
    answer = ask(machine, name)
    if answer.counts:
        raise _refused(f"{name} is a node of the cluster", f"take it out first: {_way(name)}")
    declared = model is not None and name in model["nodes"] and bool(machine.read(KUBECONFIG))
    running = [one for one in RUNNING if Cleaning(machine).runs(one)]
    if answer.counts is None and (declared or running):
        why = f"its {' and '.join(running)} runs" if running else "its pillar declares it"
        raise _refused(
            f"whether {name} is a node of the cluster is not known ({answer.why}), and {why}",
            f"{_way(name)}; if you know that the cluster is gone or does not count it any more: gone=True",
        )


def _asked(machine: Machine, config: Any, name: str) -> Answer:
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cafile=str(machine.path_of(cluster["certificate-authority"])))
    pair = (machine.path_of(user[key]) for key in ("client-certificate", "client-key"))
    context.load_cert_chain(*map(str, pair))
    where = urlsplit(cluster["server"])
    connection = http.client.HTTPSConnection(
        where.hostname or "127.0.0.1", where.port or 443, timeout=TIMEOUT_S, context=context
    )
    try:
        connection.request("GET", f"/api/v1/nodes/{name}", headers={"Accept": "application/json"})
        response = connection.getresponse()
        kind = json.loads(response.read() or b"null")
    finally:
        connection.close()
    if response.status == http.HTTPStatus.OK and kind.get("kind") == "Node":
        return Answer(True)
    if response.status == http.HTTPStatus.NOT_FOUND and kind.get("reason") == "NotFound":
        return Answer(False, "the API server has no node of this name")
    return Answer(None, f"the API server answers {response.status}")


def _way(name: str) -> str:
    return f"salt-run state.orchestrate k8s.orch.take_out, with {name} in k8s:cluster:allow_removal (docs/operations)"


def _refused(what: str, way: str) -> errors.Refused:
    return errors.Refused(f"refused, nothing was done: {what}; {way}")
