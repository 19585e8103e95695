"""Make the virtual environments of the tests: one a Salt line, made again only when its requirements change.

The benchmark's peer, another extension of Salt, has one of its own: what it brings must not decide what ours finds.

    python3 tests/support/venv.py 3008            # makes it when needed, prints its folder
    python3 tests/support/venv.py 3006 --place    # prints its folder only

Place: ``$SALTK8S_CACHE`` (default ``~/.cache/saltk8s``) / ``venv-<line>``; interpreter: ``$SALTK8S_PYTHON``, else the
system's, else the one that runs this. Standard library only: it runs on a machine that has nothing yet.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
LINES = ("3008", "3006")
BENCH = "bench"
USABLE = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10)); "
STAMP = "saltk8s-requirements"


class VenvError(Exception):
    """The environment could not be made; the message ends with pip's last lines."""


def cache_dir() -> Path:
    """Where built things are kept between runs and clones."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("SALTK8S_CACHE") or Path(base) / "saltk8s")


def place(line: str) -> Path:
    """Folder of a Salt line's environment, there or not."""
    return cache_dir() / f"venv-{line}"


def interpreter() -> str:
    """A Python >= 3.10 that can make virtual environments."""
    candidates = [os.environ.get("SALTK8S_PYTHON"), "/usr/bin/python3", sys.executable]
    for candidate in filter(None, candidates):
        if shutil.which(candidate) and not subprocess.run([candidate, "-c", USABLE], capture_output=True).returncode:
            return candidate
    raise VenvError("no Python >= 3.10 with the venv module: install python3-venv, or set SALTK8S_PYTHON")


def _wanted(line: str) -> Path:
    return REQUIREMENTS / ("bench.txt" if line == BENCH else f"salt-{line}.txt")


def _files(line: str) -> list[Path]:
    names = [_wanted(line).name, *(["dev.txt"] if line != BENCH else []), f"constraints-{line}.txt"]
    return [REQUIREMENTS / name for name in names if (REQUIREMENTS / name).exists()]


def key(line: str, python: str) -> str:
    """Hash of everything that decides what the environment holds."""
    digest = hashlib.sha256()
    version = [python, "-c", "import sys; print(sys.version)"]
    digest.update(subprocess.run(version, capture_output=True, check=True).stdout)
    for path in _files(line):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def make(line: str, report=print) -> Path:
    """Make or renew the environment of a Salt line unless it is as it should be; return its folder."""
    python, folder = interpreter(), place(line)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"venv-{line}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = f"{python} {key(line, python)}\n"
        stamp = folder / STAMP
        found = stamp.read_text() if stamp.exists() else ""
        if found == wanted:
            return folder
        start = time.monotonic()
        if not found.startswith(f"{python} "):
            _run([python, "-m", "venv", "--clear", str(folder)])
        install = [str(folder / "bin" / "pip"), "install", "--quiet", "-r", str(_wanted(line))]
        constraints = REQUIREMENTS / f"constraints-{line}.txt"
        _run([*install, *(["-c", str(constraints)] if constraints.exists() else [])])
        stamp.write_text(wanted)
        report(f"made the Salt {line} environment in {time.monotonic() - start:.0f} s")
    return folder


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        raise VenvError(f"{' '.join(argv)}: exit status {done.returncode}\n{tail}")


def main(argv: list[str] | None = None) -> int:
    """Command line: see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("line", choices=(*LINES, BENCH))
    parser.add_argument("--place", action="store_true", help="print the folder, make nothing")
    options = parser.parse_args(argv)
    try:
        folder = place(options.line) if options.place else make(options.line, lambda text: print(text, file=sys.stderr))
    except VenvError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
