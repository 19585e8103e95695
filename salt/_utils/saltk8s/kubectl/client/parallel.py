"""Many objects through several kubectl processes in parallel.

One kubectl sends its requests one after the other, and waits for each: most of a long run is waiting. A few in
parallel keep the API server busy without crowding others out (its own limits for one client are far above).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

log = logging.getLogger(__name__)

WORKERS = 4
SMALLEST, LARGEST = 25, 500  # objects in a batch: fewer do not pay for a process, more only cost its memory

Item = TypeVar("Item")


def split(items: Sequence[Item]) -> list[Sequence[Item]]:
    """Return the items in batches, in their order."""
    size = min(LARGEST, max(SMALLEST, -(-len(items) // WORKERS)))
    return [items[start : start + size] for start in range(0, len(items), size)]


def run(action: Callable[[Sequence[Item]], list], items: Sequence[Item], doing: str) -> list:
    """Run an action on the items, batch by batch, several in parallel.

    action: gets a batch, returns a list; doing: what it does, for the log.
    Returns all answers, in the order of the items. When a batch fails, those that run already are waited for, no other
    is started, and the first error is raised.
    """
    parts = split(items)
    if len(parts) < 2:
        return [answer for part in parts for answer in action(part)]
    done, answers = 0, []
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(action, part) for part in parts]
        try:
            for part, future in zip(parts, futures, strict=True):
                answers += future.result()
                done += len(part)
                log.info("%s: %d of %d objects", doing, done, len(items))
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return answers
