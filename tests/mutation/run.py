"""``make mutation``: the comparison broken on purpose, in one way after the other; a test has to fail each time.

Each mutation (mutations.yaml) is put into a copy of the repository, where the unit tests of the comparison run; where
none of them fails, the functional tests of drift and nulls, and a part of the property test with a fixed seed, which
start a real API server. Prints which test caught what. The exit status is 1 when one was not caught.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path("salt/_utils/saltk8s")
LEFT_OUT = shutil.ignore_patterns(".git", "build", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info")
SEED = "--hypothesis-seed=1"
FUNCTIONAL = "tests/functional/kubectl"
STAGES: tuple[list[str], ...] = (
    ["tests/unit/kubectl/compare", "tests/unit/kubectl/sets/test_remembered.py", "tests/unit/base/test_quantity.py"],
    [f"{FUNCTIONAL}/test_drift.py", f"{FUNCTIONAL}/test_nulls.py"],
    [f"{FUNCTIONAL}/test_property.py", SEED, "-k", "Service or Deployment or ConfigMap or Thing or ResourceQuota"],
)
FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.M)
TIMEOUT_S = 1800


class Mutation(NamedTuple):
    """A text of a file of the library that another one replaces."""

    name: str
    file: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        """Break the library under ``root``. Raises ValueError where the text does not stand exactly once."""
        path = root / LIBRARY / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.file} has {text.count(self.old)} times: {self.old}")
        path.write_text(text.replace(self.old, self.new))


def mutations() -> list[Mutation]:
    """Return all mutations."""
    return [Mutation(**given) for given in yaml.safe_load((ROOT / "tests/mutation/mutations.yaml").read_text())]


def caught_by(root: Path, stages: int) -> str:
    """Return the first test that fails under ``root``, "" when none does."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    for words in STAGES[:stages]:
        argv = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=no", *words]
        done = subprocess.run(argv, cwd=root, env=env, capture_output=True, text=True, timeout=TIMEOUT_S)
        if done.returncode == 1:
            found = FAILED.search(done.stdout)
            return found[1] if found else done.stdout[-300:]
        if done.returncode:
            raise RuntimeError(f"pytest ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return ""


def main(argv: list[str]) -> int:
    """Try the mutations; print what caught each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unit", action="store_true", help="the unit tests only")
    parser.add_argument("--only", default="", metavar="TEXT", help="mutations whose name has this text")
    options = parser.parse_args(argv)
    stages = 1 if options.unit else len(STAGES)
    survived = 0
    with tempfile.TemporaryDirectory(prefix="saltk8s-mutation-") as folder:
        root = Path(folder) / "tree"
        shutil.copytree(ROOT, root, ignore=LEFT_OUT, symlinks=True)
        if failing := caught_by(root, 1):
            print(f"without a mutation {failing} fails already", file=sys.stderr)
            return 2
        for mutation in (one for one in mutations() if options.only in one.name):
            path = root / LIBRARY / mutation.file
            whole = path.read_text()
            mutation.apply(root)
            test = caught_by(root, stages)
            path.write_text(whole)
            survived += not test
            print(f"{'caught' if test else 'NOT CAUGHT'}: {mutation.name}{f': {test}' if test else ''}", flush=True)
    print(f"{survived} not caught" if survived else "all caught")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
