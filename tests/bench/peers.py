"""The tools that do the same job: how each is started, and how to read the changes that it reports.

Each runs as its users run it: ``kubectl`` with its discovery cache in the home folder, the states on a masterless
minion. Nobody waits for health (there are no controllers), and each has its own field manager.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bench import measure
from support import venv

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 3 * 3600
SOURCE = "objects.yaml"
SHOWN = 600  # characters of a tool's error that a row keeps


class ToolFailed(Exception):
    """A tool failed; the message is the end of its output."""


class Place(NamedTuple):
    """Where the tools run: folder for all that they write, kubectl, kubeconfig; against: another checkout of ours."""

    folder: Path
    kubectl: Path
    kubeconfig: Path
    profile: bool = False
    against: Path = ROOT

    @property
    def env(self) -> dict[str, str]:
        """The whole environment of a tool: nothing of this machine's but the PATH, our kubectl first in it."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        path = f"{self.kubectl.parent}:{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(home), "TMPDIR": str(home), "LC_ALL": "C.UTF-8"}


def ours(place: Place, source: Path, test: bool = False, checkout: Path = ROOT) -> dict[str, Any]:
    """``kubectl.applied`` of this repository."""
    kwargs = {
        "source": f"salt://{source.name}",
        "template": None,
        "wait": False,
        "kubeconfig": str(place.kubeconfig),
    }
    return _state(place, sys.executable, "kubectl.applied", "kubectl.apply", source, kwargs, {}, test, checkout)


def ours_test(place: Place, source: Path) -> dict[str, Any]:
    """The same with test=True."""
    return ours(place, source, test=True)


def ours_against(place: Place, source: Path) -> dict[str, Any]:
    """``kubectl.applied`` of another commit of this repository."""
    return ours(place, source, checkout=place.against)


def lists(place: Place, source: Path) -> dict[str, Any]:
    """Only the LISTs of ``kubectl.applied``, decoded: a state as well, so that all but its work is counted alike."""
    kwargs = {"kubeconfig": str(place.kubeconfig)}
    return _state(place, sys.executable, "bare_lists.read", "kubectl.apply", source, kwargs, {}, False)


def saltext(place: Place, source: Path) -> dict[str, Any]:
    """``kubernetes.manifest_present`` of saltext.kubernetes."""
    opts = {"kubernetes.kubeconfig": str(place.kubeconfig), "kubernetes.context": "test"}
    python = str(venv.place(venv.BENCH) / "bin" / "python")
    function = "kubernetes.manifest_present"
    kwargs = {"source": f"salt://{source.name}", "namespace": "default"}
    return _state(place, python, function, "kubernetes.apply", source, kwargs, opts, False)


def ssa(place: Place, source: Path) -> dict[str, Any]:
    """``kubectl apply --server-side``."""
    done = _run(place, [str(place.kubectl), "apply", "--server-side", "-f", str(source)], good=(0,))
    return _of_program(done, len(re.findall(r" serverside-applied$", done.out, re.M)))


def diff(place: Place, source: Path) -> dict[str, Any]:
    """``kubectl diff``; 1 is its exit status when there are differences."""
    done = _run(place, [str(place.kubectl), "diff", "-f", str(source)], good=(0, 1))
    differing = len(re.findall(r"^diff -u ", done.out, re.M))
    if done.code == 1 and not differing:
        raise ToolFailed(_tail(done.err))
    return _of_program(done, differing)


def _state(
    place: Place,
    python: str,
    state: str,
    module: str,
    source: Path,
    kwargs: dict,
    opts: dict,
    test: bool,
    checkout: Path = ROOT,
) -> dict[str, Any]:
    """Run a state in its own process; its own times are the row's, those of the whole process come with it."""
    root = place.folder / f"minion-{module}-{checkout.name}"  # its cache: what a tool keeps there is its own
    root.mkdir(exist_ok=True)
    job = {
        "state": state,
        "module": module,
        "test": test,
        "opts": opts,
        "root": str(root),
        "files": str(source.parent),
        "kwargs": kwargs,
        "profile": place.profile and state.startswith("kubectl."),
    }
    program = str(ROOT / "tests" / "bench" / "state.py")
    done = _run(place, [python, program, json.dumps(job), str(checkout)], good=(0,))
    said = json.loads(done.out.strip().splitlines()[-1])
    if said["profile"]:
        print(said["profile"], flush=True)
    if said["result"] is False:
        raise ToolFailed(_tail(said["comment"]))
    return {
        "wall_s": said["wall_s"],
        "cpu_s": said["cpu_s"],
        "peak_mib": done.peak_mib,
        "changed": said["changed"],
        "call_s": said["call_s"],
        "process_s": done.wall_s,
        "process_cpu_s": done.cpu_s,
        "peak_parts": done.parts,
    }


def _run(place: Place, argv: list[str], good: tuple[int, ...]) -> measure.Measured:
    env = place.env | {"KUBECONFIG": str(place.kubeconfig)}
    done = measure.run(argv, env, place.folder, TIMEOUT_S)
    if done.code is None:
        raise ToolFailed(f"timed out after {TIMEOUT_S} s")
    if done.code not in good:
        raise ToolFailed(f"exit status {done.code}: {_tail(done.err or done.out)}")
    return done


def _of_program(done: measure.Measured, changed: int) -> dict[str, Any]:
    """The row of a program: it is the process."""
    return {
        "wall_s": done.wall_s,
        "cpu_s": done.cpu_s,
        "peak_mib": done.peak_mib,
        "changed": changed,
        "process_s": done.wall_s,
        "process_cpu_s": done.cpu_s,
        "peak_parts": done.parts,
    }


def _tail(text: str) -> str:
    return text.strip()[-SHOWN:]


RUN: dict[str, Callable[[Place, Path], dict[str, Any]]] = {
    "saltk8s": ours,
    "saltk8s-test": ours_test,
    "bare-lists": lists,
    "saltk8s-before": ours_against,
    "saltext-kubernetes": saltext,
    "kubectl-ssa": ssa,
    "kubectl-diff": diff,
}
# Tools that write nothing, and the tool whose work they look at
READERS = {"saltk8s-test": "saltk8s", "bare-lists": "saltk8s", "kubectl-diff": "kubectl-ssa"}
# Tools that fail when an object's namespace is not there yet, though the manifest brings it
ONLY = {"bare-lists": ("noop",)}  # tools that some cases mean nothing for
NEED_NAMESPACES = ("kubectl-diff",)
