"""One state run at a time: wait for the one that runs, instead of failing because of it.

Runs that start by themselves wait for each other with file locks, and for all others by asking Salt. At most one waits:
it will see what those after it would see.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from saltk8s.base import errors

ASK_S = 1.0


class AnotherWaits(errors.SaltK8sError):
    """Another run waits already, and will do what this one would."""


@contextmanager
def taken(
    folder: Path,
    others: Callable[[], bool],
    announced: Callable[[], AbstractContextManager[object]],
    wait_s: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold the turn; inside, no other state run is in progress.

    folder: for the locks; others: whether a run of somebody else is in progress; announced: makes others see this one;
    wait_s: how long to wait. Raises AnotherWaits, and CommandTimeout.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        waiting = held.enter_context((folder / "waiting").open("w"))
        if not _lock(waiting):
            raise AnotherWaits("another run waits already, and will do the same")
        running = held.enter_context((folder / "running").open("w"))
        end = time.monotonic() + wait_s
        while not (_lock(running) and not others()):
            _bounded(end, wait_s)
            sleep(ASK_S)
        with ExitStack() as seen:
            seen.enter_context(announced())
            while others():  # one that began at the same moment: it does not wait, so this one does
                seen.close()
                _bounded(end, wait_s)
                sleep(ASK_S)
                seen.enter_context(announced())
            fcntl.flock(waiting, fcntl.LOCK_UN)
            yield


def _bounded(end: float, wait_s: float) -> None:
    if time.monotonic() > end:
        raise errors.CommandTimeout(f"another state run was in progress for all of {wait_s:.0f} s: timed out")


def _lock(stream: object) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[arg-type]  # an open file
    except BlockingIOError:
        return False
    return True
