"""Defragmentation of etcd: one member after the other, the leader last, and only while all the others are healthy.

A member takes no request while it is defragmented. What etcd holds is not changed, only the size of its file.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine import etcd
from saltk8s.engine.rke.upkeep.access import Access

WORTH = 0.1  # of the file, and as much as
WORTH_BYTES = 16 << 20
FULL = "alarm NOSPACE"
DEFRAGMENT_S = 600
WAIT_S = 60
POLL_S = 1
_CTL = "docker exec etcd etcdctl"


def worth(member: etcd.Member) -> bool:
    """Whether a member's file has so much free space that it is worth a pause."""
    free = member.size - member.used
    return free > WORTH * member.size and free >= WORTH_BYTES


def order(members: Mapping[str, etcd.Member]) -> list[str]:
    """Return the nodes in the order in which they are defragmented: the leader last."""
    return sorted(members, key=lambda name: (members[name].id == members[name].leader, name))


def run(access: Access, test: bool) -> dict[str, Any]:
    """Defragment what is worth it. Raises Refused while something else is wrong with etcd; test: only say what."""
    members, problems = access.etcd()
    full = [problem for problem in problems if FULL in problem.text]
    if others := [problem for problem in problems if FULL not in problem.text]:
        lines = [f"  {problem}" for problem in others]
        raise errors.Refused("\n".join(["refused, nothing was done: etcd is not healthy", *lines]))
    chosen = [name for name in order(members) if full or worth(members[name])]
    changes: dict[str, Any] = {name: _row(members[name].size, members[name].used) for name in chosen}
    if test or not chosen:
        return {"changes": changes, "lines": [_line(name, row, test) for name, row in changes.items()]}
    addresses = access.members()
    for name in chosen:
        access.hooks.event("defragment", {"node": name, "left": len(chosen) - chosen.index(name)})
        access.run(addresses[name], f"{_CTL} --command-timeout={DEFRAGMENT_S}s defrag", DEFRAGMENT_S + 30)
        members = _healthy_again(access, name)
        changes[name]["new"] = members[name].size
    lines = [_line(name, row, False) for name, row in changes.items()]
    if full:
        access.run(addresses[chosen[0]], f"{_CTL} alarm disarm", 60)
        changes["alarms"] = {"old": FULL, "new": None}
        lines.append("alarms disarmed: etcd takes writes again. It fills up again unless you find what filled it")
        _healthy_again(access, chosen[-1], disarmed=True)
    return {"changes": changes, "lines": lines}


def _healthy_again(access: Access, after: str, disarmed: bool = False) -> dict[str, etcd.Member]:
    """Wait until etcd is healthy, so that never two members pause at once."""
    end = time.monotonic() + WAIT_S
    while True:
        members, problems = access.etcd()
        left = [problem for problem in problems if disarmed or FULL not in problem.text]
        if not left:
            return members
        if time.monotonic() > end:
            text = f"etcd is not healthy {WAIT_S} s after {after}, so no further member was touched: "
            raise errors.NotReady(text + "; ".join(map(str, left)))
        time.sleep(POLL_S)


def _row(size: int, used: int) -> dict[str, int]:
    return {"old": size, "new": used}


def _line(name: str, row: Mapping[str, int], test: bool) -> str:
    words = "would have" if test else "has"
    return f"etcd's database on {name} had {_mib(row['old'])}, {words} {_mib(row['new'])}"


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
