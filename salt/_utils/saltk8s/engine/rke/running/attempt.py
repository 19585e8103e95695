"""Which configuration a run was made for: one that did not finish goes on, without being asked again. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from saltk8s.engine.rke import cluster_yml


def mark(config: dict[str, Any], record: Mapping[str, Any]) -> str:
    """Return what tells a configuration from others, without its secrets. record: of the last run."""
    wanted = {key: value for key, value in config.items() if key != "upgrade_strategy"}  # how, and not what
    known = cluster_yml.fingerprinted(wanted, record.get("salt") or "")
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def resumes(config: dict[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether a run continues one of the same configuration that did not finish."""
    return (
        record.get("status") != "done"
        and "attempted_config" in record
        and record["attempted_config"] == mark(config, record)
    )
