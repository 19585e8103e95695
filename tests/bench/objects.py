"""The object cases: the same manifests, tools and API server, unchanged, with one object changed, all new.

For each tool that writes the cluster is emptied, filled by that tool (all_new), compared again (noop), and one
annotation is changed (one_changed). A tool that only reads is measured on what its writer left. After each measurement
the live objects are compared: a tool that did not do the job, or wrote when it should not, gets a row with an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import manifests, peers
from bench.cluster import Cluster, Live
from bench.manifests import Manifest
from bench.table import Report
from support import programs, venv

CASES = ("noop", "one_changed", "all_new")
SHORT_S = 10  # what takes less is measured several times; the row is the one with the least CPU time
REPEATS = 5
HELPED = "the namespaces were there before"
ROOT = Path(__file__).resolve().parents[2]
RECORDS = ("v1", "ConfigMap")  # a tool may keep records of its own


def run(
    report: Report,
    sources: Sequence[Manifest],
    tools: Sequence[str],
    cases: Sequence[str],
    profile: bool,
    against: Path | None = None,
) -> None:
    """Measure every case on one API server of the benchmark's own; against: a checkout of another commit of ours."""
    binaries = programs.build(report=lambda text: report.say(str(text)))
    if "saltext-kubernetes" in tools:
        venv.make(venv.BENCH, report.say)
    cluster = Cluster(binaries)
    try:
        place = peers.Place(cluster.folder / "tools", binaries["kubectl"], cluster.kubeconfig, profile, against or ROOT)
        place.folder.mkdir()
        _warm_up(report, cluster, place._replace(profile=False), tools)
        for source in sources:
            Measurement(report, cluster, place, source, tools, cases).run()
    finally:
        cluster.close()


def _warm_up(report: Report, cluster: Cluster, place: peers.Place, tools: Sequence[str]) -> None:
    """Use each tool once on two objects: programs come into memory, discovery caches are filled."""
    quiet = Measurement(report, cluster, place, Manifest(manifests.text_of(manifests.generate(2))), tools, ())
    for tool in (tool for tool in tools if tool not in peers.ONLY):
        quiet.empty(namespaces=tool in peers.NEED_NAMESPACES)
        try:
            peers.RUN[tool](place, quiet.base)
        except peers.ToolFailed as err:
            report.say(f"warm-up of {tool}: {err}")
    quiet.empty()


class Measurement:
    """One manifest, all tools and cases."""

    def __init__(
        self,
        report: Report,
        cluster: Cluster,
        place: peers.Place,
        source: Manifest,
        tools: Sequence[str],
        cases: Sequence[str],
    ):
        self.report, self.cluster, self.place, self.source = report, cluster, place, source
        self.tools, self.cases = tools, cases
        self.objects = len(source.objects)
        self.kinds = {(obj["apiVersion"], obj["kind"]) for obj in source.objects}
        self.base = self._file("objects.yaml", source.text)

    def _file(self, name: str, text: str) -> Path:
        """Write a manifest into a folder of its own: the folder is a file root of the minions."""
        path = self.place.folder / f"files-{name.removesuffix('.yaml')}" / peers.SOURCE
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def empty(self, namespaces: bool = False) -> None:
        """Nothing of the manifest is there, but for the namespaces that it takes for granted; or for all of them."""
        wanted = self.source.namespaces if namespaces else self.source.undeclared_namespaces
        self.cluster.empty({*self.kinds, RECORDS}, wanted)

    def run(self) -> None:
        """Measure every tool; those that only read after their writer."""
        writers = dict.fromkeys(peers.READERS.get(tool, tool) for tool in self.tools)
        for writer in writers:
            readers = [tool for tool in self.tools if peers.READERS.get(tool) == writer]
            self._after(writer, readers, [writer] if writer in self.tools else [])
        self.empty()

    def _after(self, writer: str, readers: list[str], writers: list[str]) -> None:
        """Measure a tool that writes and those that read what it wrote."""
        self.empty()
        filled = False
        if "all_new" in self.cases:
            for tool in _of("all_new", readers):
                helped = tool in peers.NEED_NAMESPACES
                self.empty(namespaces=helped)
                self._measure("all_new", tool, [self.base], **({"note": HELPED} if helped else {}))
            self.empty()
            for tool in writers:
                filled = self._measure("all_new", tool, [self.base])
        wanted = [case for case in ("noop", "one_changed") if case in self.cases]
        if not wanted:
            return
        if not filled and (why := self._fill(writer)):
            for case in wanted:
                for tool in _of(case, [*readers, *writers]):
                    self._fail(case, tool, f"{writer} could not fill the cluster: {why}")
            return
        if "noop" in wanted:
            self._measure_together("noop", [*writers, *readers])
        if "one_changed" in wanted:
            for tool in _of("one_changed", [*readers, *writers]):
                changed = [self._file(f"changed-{n}.yaml", self.source.changed_text(str(n))) for n in range(REPEATS)]
                self._measure("one_changed", tool, changed)

    def _fill(self, writer: str) -> str:
        """Fill the cluster with a tool, uncounted; return the error. Some tools need a second run."""
        why = ""
        for _ in range(REPEATS):
            try:
                peers.RUN[writer](self.place._replace(profile=False), self.base)
                return ""
            except peers.ToolFailed as err:
                why = str(err)
        return why

    def _measure_together(self, case: str, tools: Sequence[str]) -> None:
        """Measure tools that leave everything as it is, in turns: what else runs slows all of them."""
        rows: dict[str, list[dict[str, Any]]] = {tool: [] for tool in tools}
        for number in range(REPEATS):
            for tool in list(rows):
                if number and rows[tool][-1]["wall_s"] > SHORT_S:
                    continue
                self.report.begin(case, tool, self.objects)
                try:
                    rows[tool].append(self._once(case, tool, self.base, str(number)))
                except peers.ToolFailed as err:
                    self._fail(case, tool, str(err))
                    del rows[tool]
        for tool, found in rows.items():
            self._keep(case, tool, found)

    def _measure(self, case: str, tool: str, files: Sequence[Path], **more: str) -> bool:
        """Measure a tool on each file, a long one only on the first; keep a row. Return whether it did the job."""
        self.report.begin(case, tool, self.objects)
        rows: list[dict[str, Any]] = []
        try:
            for number, path in enumerate(files):
                rows.append(self._once(case, tool, path, str(number)))
                if rows[-1]["wall_s"] > SHORT_S:
                    break
        except peers.ToolFailed as err:
            self._fail(case, tool, str(err))
            return False
        self._keep(case, tool, rows, **more)
        return True

    def _keep(self, case: str, tool: str, rows: Sequence[dict[str, Any]], **more: str) -> None:
        row = min(rows, key=lambda row: row["cpu_s"])  # what else runs only ever adds to it
        self.report.add(case, tool, objects=self.objects, **row, runs=len(rows), **more)

    def _once(self, case: str, tool: str, path: Path, value: str) -> dict[str, Any]:
        before = self.cluster.live(self.kinds)
        begin = self.cluster.mark()
        row = peers.RUN[tool](self.place, path)
        end = self.cluster.mark()
        after = self.cluster.live(self.kinds)
        row |= self.cluster.counts(begin, end)
        row["live_changed"] = after.differing(before)
        self._check(case, tool, row, after, value)
        return row

    def _check(self, case: str, tool: str, row: dict[str, Any], after: Live, value: str) -> None:
        """Raise ToolFailed unless the cluster is what the tool should have made of it."""
        if tool in peers.READERS:
            if row["writes"] or row["live_changed"]:
                raise peers.ToolFailed(
                    f"wrote although nothing differed: {row['writes']} requests, {row['live_changed']} objects"
                )
            return
        missing = {self.cluster.key(obj) for obj in self.source.objects} - after.versions.keys()
        if missing:
            raise peers.ToolFailed(f"{len(missing)} objects not found, among them {min(missing)}")
        changed = self.cluster.key(self.source.changed_object())
        if case == "one_changed" and after.changes[changed] != value:
            raise peers.ToolFailed(f"the change is not live: {after.changes[changed]!r} instead of {value!r}")

    def _fail(self, case: str, tool: str, error: str) -> None:
        self.report.add(case, tool, objects=self.objects, error=error)


def _of(case: str, tools: Sequence[str]) -> list[str]:
    return [tool for tool in tools if case in peers.ONLY.get(tool, CASES)]
