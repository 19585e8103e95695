"""The real programs that the functional tests run: those of tier "test", and the vCenter simulator.

python3 tests/support/programs.py      # builds what the cache does not have, one line a program
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT / "lab") not in sys.path:
    sys.path.insert(0, str(ROOT / "lab"))

from labkit import gobuild, owngo, preflight, programs  # noqa: E402

OWN = ("vcsim",)  # this project's own programs, folders under lab/


class Missing(Exception):
    """A program cannot be had; the message says what this machine lacks."""


def build(report=print) -> dict[str, Path]:
    """Build what is not in the cache; return {name: path}."""
    if not shutil.which("go") and not preflight.find_go():
        raise Missing(
            "no `go`: install Go >= {}.{}, the tests run the real rke, kubectl, API server".format(*preflight.GO)
        )
    wanted = [program for program in programs.PROGRAMS if program.tier == "test"]
    return gobuild.build_all(wanted, report=report) | {name: owngo.build_own(name) for name in OWN}


if __name__ == "__main__":
    try:
        for name, path in build().items():
            print(f"{name}={path}")
    except (Missing, gobuild.BuildError) as err:
        sys.exit(f"error: {err}")
