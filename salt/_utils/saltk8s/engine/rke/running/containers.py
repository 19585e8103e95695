"""Whether what ``rke`` started on the nodes runs: its containers, and etcd in them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.engine import etcd
from saltk8s.engine.etcd import Member, Problem
from saltk8s.engine.rke import node
from saltk8s.engine.ssh import Probe
from saltk8s.pillar.vocabulary.roles import ETCD

_TELLING = re.compile(r'"level":"(fatal|panic|error)"|^[EF]\d{4} |\b(fatal|panic|error)\b', re.IGNORECASE)
SHOWN_CHARACTERS = 300
LOOP = 3  # restarts, the last of them within a minute


def member_name(name: str) -> str:
    """Return the name that ``rke`` gives to the member of etcd on a node."""
    return f"etcd-{name}"


def members(probes: Mapping[str, Probe]) -> dict[str, Member]:
    """Return {node: what its member of etcd says}, of the nodes where etcd runs."""
    return {
        name: etcd.read(probe)
        for name, probe in probes.items()
        if probe.containers.get(ETCD) and etcd.STATUS in probe.answers
    }


def etcd_is_down(probe: Probe) -> bool:
    """Whether the member of etcd on a node does not run, or not for long, or does not answer."""
    if _state(probe, ETCD, probe.statuses.get(ETCD)):
        return True
    return etcd.STATUS in probe.answers and not etcd.read(probe).id


def problems(
    roles: Mapping[str, Iterable[str]],
    probes: Mapping[str, Probe],
    leaving: Iterable[str] = (),
    quota: int | None = None,
) -> list[Problem]:
    """Return what is wrong on the nodes, nothing when all of it runs.

    roles: {node: roles} of those that belong to the cluster and stay in it; probes: {node: what was found there};
    leaving: names of nodes whose etcd goes; quota: bytes that etcd's database may have.
    """
    found = []
    with_etcd = [name for name, held in roles.items() if ETCD in held]
    asked = members({name: probes[name] for name in with_etcd if name in probes})
    blank = [name for name in with_etcd if name in probes and _blank(probes[name])]
    for name, held in roles.items():
        probe = probes.get(name)
        if probe is None:
            continue
        if probe.problem:
            found.append(Problem(str(probe), node=name))
        elif name in blank and (any(one.others for one in asked.values()) or len(blank) == len(with_etcd)):
            found.append(etcd.gone(name) if len(blank) < len(with_etcd) else _lost(name))
        else:
            found += _container_problems(name, held, probe)
    names = {member_name(name): name for name in with_etcd}
    return [*found, *etcd.problems(asked, names, map(member_name, leaving), quota)]


def exited(roles: Mapping[str, Iterable[str]], probes: Mapping[str, Probe]) -> dict[str, list[str]]:
    """Return the containers that are there and do not run, {node: names}. Parameters: as of problems()."""
    found = {
        name: [one for one in node.expected(held) if probes[name].containers.get(one) is False]
        for name, held in roles.items()
        if name in probes and not probes[name].problem
    }
    return {name: names for name, names in found.items() if names}


def _blank(probe: Probe) -> bool:
    """Whether a member came back as a machine without etcd: neither its container nor its data."""
    return not probe.problem and ETCD not in probe.containers and etcd.DATA not in probe.answers


def _lost(name: str) -> Problem:
    return Problem(
        f"etcd on {name} has lost its data, and no other member has them: rke would start an empty cluster under the "
        "same keys. Restore a snapshot: k8s_etcd.restore on the admin",
        mends=False,
    )


def _container_problems(name: str, roles: Iterable[str], probe: Probe) -> list[Problem]:
    found = []
    for container in node.expected(roles):
        status, why = probe.statuses.get(container), telling(probe.logs.get(container, ()))
        text = _state(probe, container, status)
        if not text:
            continue
        if container == ETCD and etcd.BOOTSTRAPPED in " ".join(probe.logs.get(container, ())):
            found.append(etcd.gone(name))
        else:
            found.append(Problem(f"{container} on {name} {text}" + (f": {why}" if why else ""), node=name))
    return found


def _state(probe: Probe, container: str, status: str | None) -> str:
    """Return what is wrong with a container, nothing when it runs and stays."""
    times = probe.restarts.get(container, 0)
    again = f", restarted {times} time{'s' if times != 1 else ''} by Docker" if times else ""
    if status is None:
        return "does not exist"
    if not probe.containers[container]:
        return f"does not run ({status}{again})"
    # a container that ran for a minute has left its loop; without a restart it was started on purpose
    return f"restarts in a loop ({status}{again})" if times >= LOOP and " second" in status else ""


def telling(lines: Iterable[str]) -> str:
    """Return the line of a log that explains most: the last one that is an error, else the last one."""
    lines = [line for line in lines if line.strip()]
    chosen = ([line for line in lines if _TELLING.search(line)] or lines)[-1:]
    return _plain(chosen[0])[:SHOWN_CHARACTERS] if chosen else ""


def _plain(line: str) -> str:
    """Return etcd's message and error of a line of its log, any other line as it is."""
    try:
        entry: Any = json.loads(line)
    except ValueError:
        words = re.search(r'"msg":"([^"]*)"(?:.*"error":"([^"]*)")?', line)  # cut before its end
        return ": ".join(filter(None, words.groups())) if words else line.strip()
    return ": ".join(filter(None, (entry.get("msg"), entry.get("error")))) if isinstance(entry, dict) else line
