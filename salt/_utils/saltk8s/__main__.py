"""``python3 -m saltk8s check PILLAR_DIR``, ``python3 -m saltk8s docs`` and ``python3 -m saltk8s version``."""

from __future__ import annotations

import sys

import yaml
from saltk8s.base import loader, version
from saltk8s.pillar import check, docs

USAGE = """usage: python3 -m saltk8s check [--json] PILLAR_DIR    check a pillar folder, without a master
       python3 -m saltk8s docs                         write docs/pillar.md to standard output
       python3 -m saltk8s version                      print the version"""


def main(argv: list[str]) -> int:
    """Run a command; return its exit status."""
    if argv[:1] == ["check"]:
        return check.main(argv[1:])
    if argv == ["docs"]:
        path = loader.defaults_file()
        if path is None:
            print("saltk8s: defaults.yaml not found beside the package", file=sys.stderr)
            return 2
        print(docs.render(yaml.safe_load(path.read_text(encoding="utf-8"))), end="")
        return 0
    if argv == ["version"]:
        print(f"{version.version()} (content {version.content()})")
        return 0
    print(USAGE, file=sys.stderr)
    return 0 if argv in (["-h"], ["--help"]) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
