"""One Salt state in a process of its own, on a masterless minion: prints what it took and what it says as JSON.

    python tests/bench/state.py '{"state": "kubectl.applied", "kwargs": {...}, "opts": {...}, ...}' [CHECKOUT]

CHECKOUT: another checkout of this repository, whose modules and states run instead of this one's.

The clock runs while the state runs. Before it, everything that a minion has loaded before its first state is loaded:
grains, pillar, the execution module, and the state modules by a state that does nothing.
"""

from __future__ import annotations

import cProfile
import io
import json
import pstats
import resource
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).resolve().parents[2])
PEERS = Path(__file__).resolve().parent / "salt"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "salt" / "_utils")]

from support.salt import Minion  # noqa: E402

SHOWN = 25  # functions of a profile


def cpu_s() -> float:
    """CPU time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Run the state that the job names; return its times and its answer in short."""
    folders = [str(ROOT / "salt"), str(PEERS)]
    minion = Minion(Path(job["root"]), file_roots=[Path(job["files"])], module_dirs=folders, **job["opts"])
    assert job["module"] in minion.modules, f"{job['module']} is not there: {minion.modules.missing_modules}"
    assert minion.state("test.nop", "warm")["result"] is True
    profile = cProfile.Profile() if job.get("profile") else None
    cpu, begin = cpu_s(), time.perf_counter()
    if profile:
        profile.enable()
    answer = minion.state(job["state"], "bench", test=job["test"], **job["kwargs"])
    if profile:
        profile.disable()
    call = time.perf_counter() - begin
    return {
        "wall_s": float(answer["duration"]) / 1000,
        "call_s": call,
        "cpu_s": cpu_s() - cpu,
        "result": answer["result"],
        "comment": str(answer["comment"])[-2000:],
        "changed": _count(answer["changes"]),
        "profile": _top(profile) if profile else "",
    }


def _count(changes: dict[str, Any]) -> int:
    """How many objects a state says it changed. One that applied a list of objects says all of them."""
    applied = changes.get("applied") if len(changes) == 1 else None
    return len(applied) if isinstance(applied, list) else len(changes)


def _top(profile: cProfile.Profile) -> str:
    out = io.StringIO()
    for order in ("cumulative", "tottime"):
        pstats.Stats(profile, stream=out).strip_dirs().sort_stats(order).print_stats(SHOWN)
    return out.getvalue()


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
