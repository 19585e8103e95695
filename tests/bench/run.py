"""``make bench``: what the platform costs, against other tools that do the same job, in one run on one machine.

Objects in the cluster: ``kubectl.applied`` against saltext.kubernetes, ``kubectl apply --server-side``,
``kubectl diff`` and its own LISTs alone, on an API server of the benchmark's own. The cluster: ``k8s_cluster.up``
against bare ``rke``, when the lab is up. Prints a table, writes ``build/bench.json``: a list of rows, a key that does
not apply is left out:

    case, tool, objects   what was measured: noop (nothing changed), one_changed, all_new; the lab's cases
    wall_s, cpu_s         of the job: of a state without the start of Salt
    process_s, process_cpu_s, call_s    of the whole process; of Salt's call of the state
    peak_mib, peak_parts  most memory of the process tree at one moment, Salt included; by program, at that moment
    requests, lists, gets, dry_runs, writes    what the API server was asked, from its audit log
    changed, live_changed objects that the tool says it changed (would change), that have another version than before
    runs                  how often it was measured; the row is the run with the least CPU time
    note                  what was made easier for the tool
    error                 instead of figures: why the tool did not do the job
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "lab")]

from bench import lab, manifests, objects, peers, table  # noqa: E402
from bench.manifests import Manifest  # noqa: E402

SIZES = [410, 5000]


def parsed(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifests", type=Path, metavar="FILE", help="measure on this file, the object cases only")
    parser.add_argument("--quick", action="store_true", help="410 objects only; the lab's nodes are not made blank")
    parser.add_argument("--objects-only", action="store_true", help="leave out the lab's cases")
    parser.add_argument("--sizes", type=_numbers, help="numbers of objects, default 410,5000")
    parser.add_argument("--tools", type=_names(list(peers.RUN)), default=list(peers.RUN), help=",".join(peers.RUN))
    parser.add_argument("--cases", type=_names(list(objects.CASES)), default=list(objects.CASES), help="default: all")
    parser.add_argument("--against", metavar="COMMIT", help="measure ours of another commit, too: saltk8s-before")
    parser.add_argument("--profile", action="store_true", help="print what takes the time in ours; it takes more then")
    options = parser.parse_args(argv)
    if not options.against:
        options.tools = [tool for tool in options.tools if tool != table.BEFORE]
    options.sizes = options.sizes or (SIZES[:1] if options.quick else SIZES)
    return options


def _numbers(text: str) -> list[int]:
    numbers = [int(word) for word in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("a number of objects must be 1 or more")
    return numbers


def _names(known: list[str]):
    def names(text: str) -> list[str]:
        words = text.split(",")
        if unknown := [word for word in words if word not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(known)}")
        return words

    return names


def main(argv: list[str]) -> int:
    """Measure, print, write build/bench.json; the exit status is 1 when ours failed, or the run did not end."""
    options = parsed(argv)
    try:
        sources = (
            [Manifest.read(options.manifests)]
            if options.manifests
            else [Manifest(manifests.text_of(manifests.generate(size))) for size in options.sizes]
        )
    except ValueError as err:
        print(f"error: {err}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report, stopped = table.Report(ROOT / "build" / "bench.json"), ""
    try:
        with checkout(options.against) as against:
            objects.run(report, sources, options.tools, options.cases, options.profile, against)
        if not options.manifests and not options.objects_only:
            _lab(report, options.quick)
    except KeyboardInterrupt:
        stopped = "interrupted"
    except lab.LabFailed as err:
        stopped = f"the lab: {err}"
    if report.rows:
        print("", table.table(report.rows), "", *table.ratios(report.rows), "", *table.bars(report.rows), sep="\n")
    print(f"{stopped or 'done'}; written: {report.path.relative_to(ROOT)}")
    failed = any("error" in row and row["tool"].startswith(table.OURS) for row in report.rows)
    return 1 if stopped or failed else 0


@contextlib.contextmanager
def checkout(commit: str | None) -> Iterator[Path | None]:
    """Another commit of this repository in a folder of its own, for as long as it is needed."""
    if not commit:
        yield None
        return
    git = ["git", "-C", str(ROOT), "worktree"]
    with tempfile.TemporaryDirectory(prefix="saltk8s-bench-before-") as folder:
        subprocess.run([*git, "add", "--quiet", "--detach", "--force", folder, commit], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run([*git, "remove", "--force", folder], check=True)


def _lab(report: table.Report, quick: bool) -> None:
    lab.model_of_100_nodes(report)
    if lab.is_up():
        lab.run(report, blank=not quick)
    else:
        report.say("the lab is not up: its cases are left out (`make lab` brings it up)")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
