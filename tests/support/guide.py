"""``docs/adding-a-service.md`` as instructions: the files that it tells to write, done to a copy of the repository."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from support import tree

PAGE = tree.ROOT / "docs" / "adding-a-service.md"
_HOW = r"(New file|At the end of `services` in) `([^`\n]+)`:"
_BLOCK = re.compile(_HOW + r"\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def steps() -> list[tuple[bool, str, str]]:
    """Return what the page tells to write: (new file, or more of the services' defaults; path; text)."""
    found = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return [(how == "New file", path, text) for how, path, text in found]


def copy(root: Path) -> Path:
    """Copy the repository's files, links included, as a checkout would have them."""
    links = [path for path in tree.ROOT.iterdir() if path.is_symlink()]
    for path in tree.tracked():
        target = root / tree.relative(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    for link in links:
        (root / link.name).symlink_to(link.readlink())
    return root


def follow(root: Path) -> None:
    """Do in a copy what the page says, to the letter."""
    for new, path, text in steps():
        target = root / path
        if new:
            assert not target.exists(), f"{path} is there already"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        else:
            target.write_text(_appended(target.read_text(encoding="utf-8"), text), encoding="utf-8")


def _appended(text: str, more: str) -> str:
    """Return the defaults with more at the end of the section ``services``."""
    before, start, services = text.partition("\nservices:\n")
    assert start, "no services in the defaults"
    own = re.match(r"(?:(?:[ #].*)?\n)*", services)[0].rstrip("\n") + "\n"
    return f"{before}{start}{own}{more}{services[len(own) :]}"
