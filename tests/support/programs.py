"""The real programs that the functional tests run: those of tier "test", and the vCenter simulator.

python3 tests/support/programs.py      # builds what the cache does not have, one line a program
"""

from __future__ import annotations

import shutil
import socket
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


def cached(name: str) -> Path:
    """Return the path of a program of the lab's in the cache, there or not: `make test` alone does not build these."""
    if not shutil.which("go") and not preflight.find_go():
        return Path("/nonexistent")
    try:
        return gobuild.path_of(programs.BY_NAME[name], gobuild.go_version())
    except (OSError, gobuild.BuildError):
        return Path("/nonexistent")


def free_ports(count: int) -> list[int]:
    """Return ports on loopback that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    try:
        for name, path in build().items():
            print(f"{name}={path}")
    except (Missing, gobuild.BuildError) as err:
        sys.exit(f"error: {err}")
