"""``python3 -m saltk8s COMMAND``: ``check``, ``docs``, ``take-over`` and ``version``."""

from __future__ import annotations

import sys
from typing import Any

import yaml
from saltk8s.base import loader, version
from saltk8s.engine.rke.takeover import command as take_over
from saltk8s.pillar import check, docs, model

USAGE = """usage: python3 -m saltk8s check [--json] PILLAR_DIR    check a pillar folder, without a master
       python3 -m saltk8s docs                         write docs/pillar.md to standard output
       python3 -m saltk8s take-over --admin ID CLUSTER_YML PILLAR_DIR
                                                       write the pillar of a cluster that rke built by hand
       python3 -m saltk8s version                      print the version"""


def main(argv: list[str]) -> int:
    """Run a command; return its exit status."""
    if argv[:1] == ["check"]:
        return check.main(argv[1:])
    if argv[:1] in (["docs"], ["take-over"]):
        path = loader.defaults_file()
        if path is None:
            print("saltk8s: defaults.yaml not found beside the package", file=sys.stderr)
            return 2
        defaults = yaml.safe_load(path.read_text(encoding="utf-8"))
        if argv[0] == "take-over":
            return take_over.main(argv[1:], lambda tree: _model(defaults, tree))
        if argv == ["docs"]:
            print(docs.render(defaults), end="")
            return 0
    if argv == ["version"]:
        print(f"{version.version()} (content {version.content()})")
        return 0
    print(USAGE, file=sys.stderr)
    return 0 if argv in (["-h"], ["--help"]) else 2


def _model(defaults: Any, tree: dict[str, Any]) -> dict[str, Any]:
    return model.build(defaults, tree, secrets_required=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
