"""Files that are written whole or not at all, and folders for root only."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def read(path: str | Path) -> str | None:
    """Return a file's text, None when there is no such file; any other failure raises OSError."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def text_of(content: bytes) -> str:
    """Return bytes of any encoding as text that ``bytes_of`` turns into the same bytes again."""
    return content.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """Return the bytes of a text, those of ``text_of`` unchanged."""
    return text.encode("utf-8", "surrogateescape")


def printable(text: str) -> str:
    """Return a text of ``text_of`` as it can be shown and sent: what is not UTF-8 becomes a replacement character."""
    return bytes_of(text).decode("utf-8", "replace")


def write(path: str | Path, text: str, mode: int = PRIVATE_FILE, owner: tuple[int, int] | None = None) -> bool:
    """Write a file whole or not at all: under this name there is never half of it.

    mode: its permissions, by default for root only; owner: (uid, gid), by default the process's own.
    Returns whether anything changed. Raises OSError.
    """
    path, content = Path(path), bytes_of(text)
    if path.exists() and path.read_bytes() == content and path.stat().st_mode & 0o7777 == mode:
        return False
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            if owner:
                os.fchown(stream.fileno(), *owner)
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def make_private_folder(path: str | Path) -> bool:
    """Create a folder for root only, or restrict an existing one. Returns whether anything changed."""
    path = Path(path)
    if path.is_dir():
        if path.stat().st_mode & 0o777 == PRIVATE_FOLDER:
            return False
        path.chmod(PRIVATE_FOLDER)
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=PRIVATE_FOLDER)
    return True


def restrict_mode(path: str | Path) -> None:
    """Let only root read a file that another program created, if it exists."""
    with contextlib.suppress(FileNotFoundError):
        Path(path).chmod(PRIVATE_FILE)
