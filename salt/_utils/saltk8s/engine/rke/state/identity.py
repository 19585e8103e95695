"""Whether the state file, the nodes and the cluster belong together. rke asks none of them: it trusts the file."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.rke import node, rkestate
from saltk8s.engine.rke.state import copies
from saltk8s.engine.ssh import Probe
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE

State = Mapping[str, Any]
_RELEASE = re.compile(r"v(\d+)\.(\d+)\.(\d+)-rancher(\d+)")
_TIMEOUTS: dict[str, Any] = {"timeout_s": 20, "request_timeout_s": 5}
CLEANING = "docs/nodes.md, 'A node that was in a cluster'"
CLEANED = f"clean it first ({CLEANING})"


def check(state: State | None, probes: Mapping[str, Probe], paths: Mapping[str, str]) -> None:
    """Refuse to run with a state that is not the nodes' own, or with nodes that are another cluster's.

    state: copies.read; probes: what was found on the nodes; paths: the model's. Raises Refused with the way out.
    """
    found = {name: probe for name, probe in probes.items() if not probe.problem}
    if state is None:
        _check_blank(found, paths)
        return
    foreign = {name: ca for name, probe in found.items() if (ca := probe.sums.get(node.CA)) and ca not in state["ca"]}
    own = [name for name, probe in found.items() if probe.sums.get(node.CA) in state["ca"]]
    members = [name for name, probe in found.items() if _is_member(state, name, probe)]
    if set(foreign) & set(members) and not set(own) & set(members):
        raise _older(paths, "its CA is another than that of the nodes", _hashes(foreign), set(foreign.values()))
    reasons = [_foreign(name, ca, name in members) for name, ca in foreign.items()]
    reasons += [
        _returning(name, probe, name in own, paths)
        for name, probe in found.items()
        if probe.traces and name not in members and name not in foreign
    ]
    if reasons:
        raise errors.Refused("\n".join(["refused, nothing was run:", *(f"  {reason}" for reason in reasons)]))
    if not state["running"]:
        _check_never_ran(state, found, paths)
    _check_newer(state, {name: found[name] for name in members}, paths)


def published(kubectl: Kubectl) -> dict[str, Any] | None:
    """Return the state that rke left in the cluster itself, None when nothing there can be read as one."""
    if not kubectl.cluster_exists:
        return None
    words = ("get", "secret", copies.SECRET, "--namespace", "kube-system", "--ignore-not-found")
    try:
        for item in kubectl.objects(*words, **_TIMEOUTS):
            if item.get("kind") == "Secret":
                return rkestate.parse(base64.b64decode(item["data"][copies.SECRET]).decode())
    except (errors.SaltK8sError, ValueError, KeyError, TypeError):
        pass  # an API server that does not answer: what was found on the nodes has to do
    return None


def check_published(state: State | None, theirs: State | None, paths: Mapping[str, str]) -> None:
    """Refuse a state that is older than the one that rke left in the cluster. theirs: published()."""
    if theirs is None or not theirs["running"]:
        return
    if state is not None and (state["issued"] or "") >= (theirs["issued"] or ""):
        return  # the same, or that of a run that ended before it could leave it there
    if differences := _differences(state, theirs):
        raise errors.Refused(
            f"{paths['state_file']} is {'missing' if state is None else 'older than the cluster'}: the Secret "
            f"{copies.SECRET} in kube-system is of a later run of rke, and differs: {'; '.join(differences)}. "
            f"With this file rke would act on a cluster that is no more, so nothing was run. "
            + copies.way_out(paths, lambda copy: (copy["issued"] or "") >= (theirs["issued"] or ""))
        )


def _is_member(state: State, name: str, probe: Probe) -> bool:
    """Whether the state knows the node: one of the cluster, or one that an interrupted run was adding."""
    return probe.address in (state["nodes"].get(name, {}).get("address"), state["desired"].get(name))


def _check_blank(found: Mapping[str, Probe], paths: Mapping[str, str]) -> None:
    traces = {name: ", ".join(probe.traces) for name, probe in found.items() if probe.traces}
    if traces:
        cas = {ca for probe in found.values() if (ca := probe.sums.get(node.CA))}
        raise errors.Refused(
            f"there is no {paths['state_file']}, but a cluster is on these nodes; rke would make new keys and destroy "
            f"it:\n{_describe(traces)}\n{copies.way_out(paths, _of(cas))}. If that cluster is given up, clean the "
            f"nodes ({CLEANING})"
        )


def _check_never_ran(state: State, found: Mapping[str, Probe], paths: Mapping[str, str]) -> None:
    """A first run that was interrupted goes on; but rke starts kubelets after it noted that the cluster runs."""
    running = sorted(name for name, probe in found.items() if "kubelet" in probe.containers)
    copy = copies.newest(paths, lambda copy: copy["running"] and _of(state["ca"])(copy))
    if running or copy:
        why = f"kubelets are on {', '.join(running)}" if running else f"{copy[0].name if copy else ''} shows it"
        raise errors.Refused(
            f"{paths['state_file']} has no currentState, but the cluster of its keys was deployed ({why}); rke would "
            f"build it again, without any guard. If a restore of an etcd snapshot was interrupted, which leaves such a "
            f"file, repeat it. Otherwise: {copies.way_out(paths, _of(state['ca']))}. For a new, empty cluster, clean "
            f"the nodes ({CLEANING}) and move the file away"
        )


def _check_newer(state: State, members: Mapping[str, Probe], paths: Mapping[str, str]) -> None:
    """Refuse a state from before the encryption key or the version that the nodes have."""
    control = [name for name in members if CONTROL_PLANE in state["nodes"].get(name, {}).get("roles", ())]
    sums = {name: one for name in control if (one := members[name].sums.get(node.ENCRYPTION))}
    others = {name: one for name, one in sums.items() if one not in state["encryption"]}
    if others:
        cas = {ca for name in others if (ca := members[name].sums.get(node.CA))}
        why = "the key that encrypts Secrets is another one than on the nodes; with it no Secret could be read any more"
        raise _older(paths, why, _hashes(others), cas, set(others.values()))
    known = max(_release(state["version"]) or (), _release(state["target"]) or ())
    newer = {
        name: image
        for name, probe in members.items()
        if (image := probe.images.get("kubelet")) and (_release(image) or known) > known
    }
    if newer:
        why = f"it is of Kubernetes {state['version']}, the nodes run a newer version"
        raise _older(paths, why, _describe(newer), state["ca"], (), max(filter(None, map(_release, newer.values()))))


def _older(
    paths: Mapping[str, str],
    why: str,
    where: str,
    cas: Iterable[str],
    keys: Iterable[str] = (),
    release: tuple[int, ...] = (),
) -> errors.Refused:
    """The error for a state that is not the nodes'. cas, keys, release: of the copy that would be."""
    of, keys = _of(cas), set(keys)

    def fits(copy: State) -> bool:
        encrypted = not keys or keys <= set(copy["encryption"])
        return of(copy) and encrypted and (_release(copy["version"]) or ()) >= release

    return errors.Refused(
        f"{paths['state_file']} is older than the cluster on the nodes, or another cluster's: {why}:\n{where}\n"
        f"Nothing was run. {copies.way_out(paths, fits)}"
    )


def _of(cas: Iterable[str]) -> copies.Wanted:
    cas = set(cas)
    return lambda copy: not cas or bool(cas & set(copy["ca"]))


def _foreign(name: str, ca: str, member: bool) -> str:
    what = f"{name} belongs to another cluster (its CA's certificate has the SHA-256 {ca[:12]}..)"
    if member:
        return (
            f"{what}, but the state has it as a node of this one: rke would take it over, or clean it. Remove the "
            f"deploy user's key there, take {name} out of k8s:nodes and list it in k8s:cluster:allow_removal"
        )
    return (
        f"{what}: rke would take it over. Correct its address in k8s:nodes, or, if that cluster is given up, {CLEANED}"
    )


def _returning(name: str, probe: Probe, own: bool, paths: Mapping[str, str]) -> str:
    traces = ", ".join(probe.traces)
    if own:
        return (
            f"{name} carries this cluster's keys ({traces}), but the state file does not know it. If it was removed "
            f"while it did not answer, {CLEANED}. If it never left, the file is older than the cluster: "
            + copies.way_out(paths, lambda copy: name in copy["nodes"])
        )
    return f"{name} carries what a cluster left there ({traces}): {CLEANED}"


def _describe(lines: Mapping[str, str]) -> str:
    return "\n".join(f"  {name}: {what}" for name, what in sorted(lines.items()))


def _hashes(sums: Mapping[str, str]) -> str:
    return _describe({name: f"SHA-256 {one[:12]}.." for name, one in sums.items()})


def _release(text: str | None) -> tuple[int, ...] | None:
    found = _RELEASE.search(text or "")
    return tuple(map(int, found.groups())) if found else None


def _differences(state: State | None, theirs: State) -> list[str]:
    mine: State = state or {"nodes": {}, "version": None, "ca": [], "encryption": [], "certificates": ""}
    found = []
    if state and not set(mine["ca"]) & set(theirs["ca"]):
        found.append("another CA")
    if state and set(mine["encryption"]) != set(theirs["encryption"]):
        found.append("another key for the encryption of Secrets")
    if mine["version"] != theirs["version"]:
        found.append(f"Kubernetes {mine['version'] or 'none'} here, {theirs['version']} there")
    for here, there, where in ((mine, theirs, "the cluster"), (theirs, mine, "the file")):
        if more := sorted(there["nodes"].keys() - here["nodes"].keys()):
            found.append(f"only in {where}: {', '.join(more)}")
    for name in sorted(mine["nodes"].keys() & theirs["nodes"].keys()):
        one, other = mine["nodes"][name], theirs["nodes"][name]
        if any(one[key] != other[key] for key in ("address", "internal_address", "roles")):
            found.append(f"address or roles of {name}")
    if not found and mine["certificates"] != theirs["certificates"]:
        found.append("other certificates")
    return found
