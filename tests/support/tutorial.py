"""The tutorial's pages as data: their commands, and what each block's output has to show."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.support.salt import ROOT

FOLDER = ROOT / "docs" / "tutorial"
OBJECTS = FOLDER / "objects"
PAGES = {path.stem: path for path in FOLDER.glob("*.md")}

_BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:<!-- shows: (.+?) -->\n)?", re.M | re.S)


class Block(NamedTuple):
    """A block of commands; ``shows`` is a text that its output must hold, or empty."""

    commands: str
    shows: str


def blocks(page: str) -> list[Block]:
    """The blocks of a page (``en``, ``fr``), in their order."""
    return [Block(*found) for found in _BLOCK.findall(PAGES[page].read_text(encoding="utf-8"))]
