"""Where the pack's own files are on this machine, when it is a checkout or was installed with pip."""

from __future__ import annotations

import importlib
from pathlib import Path


def defaults_file() -> Path | None:
    """Return where ``defaults.yaml`` is; None on a minion, which has it from the file server."""
    for formulas in (Path(__file__).resolve().parents[2], _installed()):
        if formulas and (formulas / "k8s" / "defaults.yaml").is_file():
            return formulas / "k8s" / "defaults.yaml"
    return None


def _installed() -> Path | None:
    try:
        return Path(importlib.import_module("saltk8s.loader").formulas())
    except (ImportError, AttributeError, StopIteration, OSError):
        return None
