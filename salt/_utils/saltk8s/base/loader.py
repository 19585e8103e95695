"""Where the pack's modules, formulas and defaults are; the entry point ``salt.loader`` of a pip installation.

Synced minions have the modules only. Run ``python3 -m saltk8s.base.loader`` to get the folder for a master's
``file_roots``.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
KINDS = ("modules", "states", "clouds")


def formulas() -> Path:
    """Return the folder for a master's ``file_roots``: in the package of a wheel, ``salt`` of the checkout otherwise.

    Raises FileNotFoundError when neither exists (a synced minion has the modules only).
    """
    for folder in (PACKAGE / "formulas", PACKAGE.parents[1]):
        if (folder / "k8s" / "init.sls").is_file():
            return folder
    raise FileNotFoundError(f"no formulas beside {PACKAGE}: the master's file server has them")


def defaults_file() -> Path | None:
    """Return where ``defaults.yaml`` is; None on a minion, which has it from the file server."""
    try:
        path = formulas() / "k8s" / "defaults.yaml"
    except FileNotFoundError:
        return None
    return path if path.is_file() else None


def dirs() -> dict[str, list[str]]:
    """Return the folders of our modules by loader type, ``{"modules": [path], ...}``: what Salt's loader asks for."""
    try:
        root = formulas()
    except FileNotFoundError:
        return {}
    return {kind: [str(root / f"_{kind}")] for kind in KINDS if (root / f"_{kind}").is_dir()}


if __name__ == "__main__":
    print(formulas())
