"""Which VM of which vCenter belongs to a node, and whether we created it: one file a VM, on the Salt master.

The Salt Cloud driver of this pack (``salt/_clouds/vmware.py``) writes it when it has cloned a VM. A name in a vCenter
proves nothing: what is resized or destroyed is found by its recorded instance UUID alone.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from saltk8s.base import errors, files

CREATED, ADOPTED = "salt-cloud", "adopted"


class Record(NamedTuple):
    """provider: the vCenter's name or address; by: CREATED, or ADOPTED (it existed, and an operator vouched for it);
    turn: whether a resize has turned it off, and not yet on again.
    """

    provider: str
    instance_uuid: str
    created: str
    by: str
    turn: bool = False

    @property
    def created_by_us(self) -> bool:
        """Whether Salt Cloud cloned it for us: only then may anything of this pack destroy it."""
        return self.by == CREATED


def path(model: dict[str, Any], node: str) -> Path:
    """Return the file of a node's VM."""
    return Path(model["cloud"]["config_dir"]) / "cloud.vms.d" / model["cluster"]["name"] / f"{node}.json"


def read(model: dict[str, Any], node: str) -> Record | None:
    """Return the record of a node's VM, None without one. Raises Refused when the file is damaged."""
    file = path(model, node)
    text = files.read(file)
    if text is None:
        return None
    try:
        return Record(**json.loads(text))
    except (TypeError, ValueError) as err:
        raise errors.Refused(
            f"{file} is damaged: which VM belongs to {node} is not known. Remove it, then k8s_cloud.adopt {node} "
            "INSTANCE_UUID"
        ) from err


def write(model: dict[str, Any], node: str, record: Record) -> None:
    """Write the record of a node's VM, whole or not at all."""
    file = path(model, node)
    files.make_private_folder(file.parent)
    files.write(file, json.dumps(record._asdict()) + "\n")


def remove(model: dict[str, Any], node: str) -> bool:
    """Remove the record of a VM that no longer exists; return whether there was one."""
    file = path(model, node)
    existed = file.exists()
    file.unlink(missing_ok=True)
    return existed


def adopted(model: dict[str, Any], instance_uuid: str) -> Record:
    """Return the record of a VM that existed before, and that an operator says is the node's."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Record(model["cloud"]["provider"]["url"], instance_uuid, now, ADOPTED)
