"""etcd, as its members answer ``etcdctl``: read, judged, and told. Pure, and the same for every engine.

An engine's inspection of a node (see saltk8s.engine.ssh) asks there: lines STATUS with the answer of ``etcdctl endpoint
status -w json``, MEMBERS with that of ``etcdctl member list -w json``, DATA when the node has a folder of etcd's data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from saltk8s.engine.ssh import Probe

STATUS, MEMBERS, DATA = "etcd-status", "etcd-members", "etcd-data"
BOOTSTRAPPED = "already been bootstrapped"  # etcd's words
NEARLY_FULL = 0.95
DEFRAGMENT = "k8s_etcd.defragment on the admin"


class Problem(NamedTuple):
    """Why a cluster is not healthy.

    mends: whether a run of the engine may mend it; node: where, when it is there; follows: it comes from something
    else, such as a container that does not run, and where it stands alone no run mends it.
    """

    text: str
    mends: bool = True
    node: str = ""
    follows: bool = False

    def __str__(self) -> str:
        return self.text


@dataclass
class Member:
    """What one member says. id, cluster, leader: numbers of etcd, leader 0 when there is none; size, used: bytes of its
    database, and of what is stored in it; errors: alarms and others; others: {member's id: its name, "" of one that
    never started}, None when it could not say; failure: why it did not answer.
    """

    id: int = 0
    cluster: int = 0
    leader: int = 0
    version: str = ""
    size: int = 0
    used: int = 0
    errors: list[str] = field(default_factory=list)
    others: dict[int, str] | None = None
    failure: str = ""


def read(probe: Probe) -> Member:
    """Return what the member on a node says."""
    answered = _json(probe.answers.get(STATUS, ()))
    status = answered[0].get("Status") if isinstance(answered, list) and answered else None
    if not status:
        return Member(failure=_why(probe.answers.get(STATUS, ())) or "no answer")
    header = status.get("header") or {}
    member = Member(
        id=header.get("member_id", 0),
        cluster=header.get("cluster_id", 0),
        leader=status.get("leader", 0),
        version=status.get("version", ""),
        size=status.get("dbSize", 0),
        used=status.get("dbSizeInUse", 0),
        errors=[str(error).strip() for error in status.get("errors") or []],
    )
    listed = _json(probe.answers.get(MEMBERS, ()))
    if isinstance(listed, dict) and listed.get("members"):
        member.others = {one["ID"]: one.get("name", "") for one in listed["members"]}
    else:
        member.failure = _why(probe.answers.get(MEMBERS, ())) or "no list of members"
    return member


def table(members: Mapping[str, Member]) -> dict[str, dict[str, Any]]:
    """Return {node: what its member says} for a status. members: {node: what it says}."""
    return {
        node: {
            "answers": bool(one.id),
            "leader": bool(one.id) and one.id == one.leader,
            "version": one.version or None,
            "size": one.size,
            "used": one.used,
            "errors": one.errors or ([one.failure] if one.failure else []),
        }
        for node, one in members.items()
    }


def problems(
    members: Mapping[str, Member], names: Mapping[str, str], leaving: Iterable[str] = (), quota: int | None = None
) -> list[Problem]:
    """Return what is wrong with etcd as its members say, nothing when it is healthy.

    members: {node: what its member says} of nodes where etcd runs; names: {member's name: node} of all that belong to
    the cluster; leaving: names that go with the run; quota: bytes that a database may have.
    """
    found = []
    for node, one in members.items():
        if not one.id:
            found.append(Problem(f"etcd on {node} does not answer: {one.failure}", node=node))
            continue
        found += [_alarm(node, error) for error in one.errors if "alarm:" in error]
        if not one.leader:
            found.append(Problem(f"etcd on {node} has no leader: too few members reach each other"))
        elif one.others is None:
            found.append(Problem(f"etcd on {node} gets no answer from too many members: {one.failure}"))
        if quota and one.size > NEARLY_FULL * quota and not one.errors:
            sizes = f"{one.size / 2**30:.1f} of {quota / 2**30:.1f} GiB"
            text = f"etcd's database on {node} has {sizes}; full, it takes no write"
            hint = f"{one.used / 2**30:.1f} GiB are used: {DEFRAGMENT} frees the rest"
            found.append(Problem(f"{text}; {hint}", mends=False))
    return [*found, *_membership(members, names, set(leaving))]


def gone(node: str) -> Problem:
    """Return that a member came back without its data."""
    return Problem(
        f"etcd on {node} has lost its data (a new disk, a rebuilt machine?) while the other members still count it: as "
        f"it is, it cannot come back ({BOOTSTRAPPED}). In one run take {node} out of k8s:nodes and list it in "
        f"k8s:cluster:allow_removal; in a second run declare it again",
        mends=False,
        node=node,
    )


def _membership(members: Mapping[str, Member], names: Mapping[str, str], leaving: set[str]) -> list[Problem]:
    counted = next((one.others for one in members.values() if one.others), None)
    if counted is None:
        return []
    found = []
    if len({one.cluster for one in members.values() if one.id}) > 1:
        found.append(Problem("the members of etcd belong to different clusters", mends=False))
    remove = "if it is dead, on a node with etcd: docker exec etcd etcdctl member remove"
    for number, name in counted.items():
        if not name:
            found.append(Problem(f"etcd waits for a member that never started; {remove} {number:x}"))
        elif name not in names and name not in leaving:
            text = f"etcd counts {name} as a member, which is no node of the cluster; {remove} {number:x}"
            found.append(Problem(text, mends=False))
    for name, node in names.items():
        if name not in counted.values() and "" not in counted.values():
            found.append(
                Problem(
                    f"etcd does not count {node} as a member: in one run take {node} out of k8s:nodes and list it in "
                    f"k8s:cluster:allow_removal; in a second run declare it again",
                    mends=False,
                    node=node,
                )
            )
    return found


def _alarm(node: str, error: str) -> Problem:
    kind = error.rpartition("alarm:")[2]
    hint = {
        "NOSPACE": f"its database is full, and every write is refused; {DEFRAGMENT}",
        "CORRUPT": "its data differ from the other members': exchange that node",
    }.get(kind, "see etcd's documentation")
    return Problem(f"etcd on {node} has the alarm {kind}: {hint}", mends=False)


def _json(lines: Iterable[str]) -> Any:
    """Return the JSON among lines of output; etcdctl's warnings are objects of JSON too, with a ``level``."""
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if not isinstance(found, dict) or "level" not in found:
            return found
    return None


def _why(lines: Iterable[str]) -> str:
    """Return the first line that is no JSON: etcdctl's or Docker's own words."""
    return next((line.strip()[-200:] for line in lines if line.strip() and line[0] not in "{["), "")
