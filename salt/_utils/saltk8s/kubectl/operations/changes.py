"""What a small write changes, and the write itself: only the fields that differ are sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.manifests.identity import key_of
from saltk8s.kubectl.operations import target

NO_CLUSTER = "the cluster does not exist yet: the API server was not asked"


class Written(NamedTuple):
    """What was, or would be, written: ``{what: {"old": ..., "new": ...}}``, None for absent; and notes."""

    changes: dict[str, dict[str, Any]]
    notes: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return ``changes`` and ``lines``, as the public functions do."""
        return {"changes": self.changes, "lines": [*lines(self.changes), *self.notes]}


def lines(changes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return changes as lines of text."""
    texts = {None: "absent", True: "true", False: "false", "": '""'}
    return [
        f"{what}: {texts.get(one['old'], one['old'])} -> {texts.get(one['new'], one['new'])}"
        for what, one in changes.items()
    ]


def between(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the changes that make the wanted keys of a map what they shall be; other keys are left alone."""
    return {key: {"old": live.get(key), "new": value} for key, value in wanted.items() if live.get(key) != value}


def patch(kubectl: Kubectl, obj: Mapping[str, Any], fields: Mapping[str, Any], manager: str, test: bool) -> None:
    """Merge fields into an object, as the field manager ``manager``; with test, as a dry run of the API server."""
    arguments = [*target.arguments(obj), "--type=merge", f"--field-manager={manager}", f"--patch={json.dumps(fields)}"]
    kubectl.run("patch", *arguments, *dry_run(test), what=key_of(obj).title)


def dry_run(test: bool) -> list[str]:
    """Return kubectl's argument for test mode."""
    return ["--dry-run=server"] if test else []
