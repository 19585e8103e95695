"""The VMs of the map that are missing in the vCenter, made by ``salt-cloud``: what it is asked, and how its answers are
read. Pure: it exits with 0 on most errors, so that only the answer says what came of it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from saltk8s.base import errors


def names(vm_map: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[str]:
    """Return the names of the VMs in a map of Salt Cloud, in its order."""
    return [name for entries in vm_map.values() for entry in entries for name in entry]


def answer(output: str) -> dict[str, Any]:
    """Return what ``salt-cloud --out=json`` answered; warnings may stand around it.

    Raises CommandError when there is no answer in it.
    """
    for place, line in enumerate(lines := output.splitlines(keepends=True)):
        if line.startswith("{"):
            try:
                found, _ = json.JSONDecoder().raw_decode("".join(lines[place:]))
                return found
            except ValueError:
                continue
    raise errors.CommandError(f"salt-cloud gave no answer: {_end(output)}")


def existing(listed: Mapping[str, Any]) -> set[str]:
    """Return the names that the answer of ``list_nodes_min`` has: ``{provider: {driver: {name: ...}}}``.

    Raises CommandError when the provider could not be asked.
    """
    found: set[str] = set()
    for drivers in listed.values():
        for nodes in drivers.values() if isinstance(drivers, Mapping) else [drivers]:
            if not isinstance(nodes, Mapping):
                raise errors.CommandError(f"salt-cloud cannot list the VMs: {nodes}")
            found |= set(nodes)
    return found


def refuse_half_made(there: Collection[str], accepted: Collection[str]) -> None:
    """Refuse VMs whose installation was interrupted: Salt Cloud passes over what exists, and they would never answer.

    there: names of the map that exist; accepted: the minions whose keys the master has accepted. Raises Refused.
    """
    if half := [name for name in there if name not in accepted]:
        raise errors.Refused(
            f"{', '.join(half)}: the VM exists, but the Salt master has accepted no key of that name: its installation "
            "was interrupted, or the VM is not ours. Look at it in the vCenter; if nothing on it is needed, delete it "
            "there and run this again, else install the minion and accept its key"
        )


def check_made(made: Mapping[str, Any], wanted: Iterable[str]) -> None:
    """Raise CommandError, with the program's own words, when a wanted VM was not made or its minion not installed."""
    problems = {}
    for name in wanted:
        one = made.get(name)
        if not isinstance(one, Mapping):
            problems[name] = str(one or "not in the answer")
        elif error := one.get("Error") or one.get("Errors"):
            problems[name] = str(error)
        elif one.get("deployed") is False:
            problems[name] = "the VM was made, but its minion could not be installed"
    if problems:
        raise errors.CommandError("\n".join(["salt-cloud:", *(f"  {name}: {why}" for name, why in problems.items())]))


def _end(output: str) -> str:
    return " ".join(output.split())[-500:] or "it printed nothing"
