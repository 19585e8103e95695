"""Where the pack's modules and formulas lie once it is installed with pip: entry point ``salt.loader``.

Synced minions need nothing of this. Run ``python3 -m saltk8s.loader`` to get the folder for a master's ``file_roots``.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent
KINDS = ("modules", "states", "clouds")


def formulas() -> Path:
    """Folder for a master's ``file_roots``: inside the package in a wheel, ``salt`` of the checkout when editable.

    Raises FileNotFoundError when neither is there (a synced minion has the modules only).
    """
    for folder in (HERE / "formulas", HERE.parents[1]):
        if (folder / "k8s" / "init.sls").is_file():
            return folder
    raise FileNotFoundError(f"no formulas beside {HERE}: this is a synced copy, they are on the master's file server")


def dirs() -> dict[str, list[str]]:
    """Folders of our modules by loader type, ``{"modules": [path], ...}``: what Salt's loader asks for."""
    try:
        root = formulas()
    except FileNotFoundError:
        return {}
    return {kind: [str(root / f"_{kind}")] for kind in KINDS if (root / f"_{kind}").is_dir()}


if __name__ == "__main__":
    print(formulas())
