"""Files that are written whole or not at all, and folders for root only."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
TEMPORARY = "tmp-"


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
    with named(path):
        _replace(path, content, mode, owner)
    return True


@contextlib.contextmanager
def named(path: str | Path) -> Iterator[None]:
    """Let an error name this file: of a write that fails, as on a full disk, the system names none."""
    try:
        yield
    except OSError as err:
        if err.errno:
            err.filename = str(path)
        raise


def _replace(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.{TEMPORARY}")  # made 0600
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
    with contextlib.suppress(OSError):  # not every file system can sync a folder
        sync(path.parent)


def sync(path: str | Path) -> None:
    """Let what another program wrote to a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def take_over(path: str | Path) -> None:
    """Let only root read a file that another program created, and let it survive a power cut, if it exists."""
    with contextlib.suppress(FileNotFoundError):
        Path(path).chmod(PRIVATE_FILE)
        sync(path)


def remove_leftovers(folder: str | Path, age_s: float) -> None:
    """Remove what ``write`` leaves when it is killed: files that it made so many seconds ago and did not rename."""
    for path in Path(folder).glob(f".*.{TEMPORARY}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > age_s:
                path.unlink()


def room(path: str | Path) -> int:
    """Return how many bytes can be written below a path; none when no further file can be made there."""
    place = Path(path)
    while not place.exists():
        place = place.parent
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize if found.f_favail or not found.f_files else 0
