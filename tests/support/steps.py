"""Run the steps of ``make test``: one line a step with its time, the whole output only when a step fails.

    python3 tests/support/steps.py prepare lint unit functional
    python3 tests/support/steps.py functional --line 3006 -- -k cloud       # words after -- go to pytest

Standard library only: it runs on a machine that has nothing yet. Complete output: ``build/logs``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "build" / "logs"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "lab")]

from labkit import preflight  # noqa: E402
from support import venv  # noqa: E402

TAIL = 60  # lines of a failed step's output that are shown
# Tests of the library, of the API server's policies and of services' programs, which know nothing of Salt: one Salt
# line runs them, each its share (files and folders below tests/unit and tests/functional). What Salt loads, and what
# imports Salt, is tested on both.
ONCE = {
    "unit": {
        "3008": ("base", "kubectl", "lab", "project"),
        "3006": ("bench", "engine", "nodes", "pillar"),
    },
    "functional": {
        "3008": (
            "cloud/test_machines.py",
            "cloud/test_destroying.py",
            "cloud/test_resize.py",
            "cloud/test_resize_orchestration.py",
            "cloud/test_scale_out.py",
            "engine/rke",
            "kubectl/health/test_away.py",
            "kubectl/health/test_dead_nodes.py",
            "kubectl/health/test_events.py",
            "kubectl/health/test_explain.py",
            "kubectl/health/test_foreign_status.py",
            "kubectl/health/test_poll.py",
            "kubectl/test_adoption.py",
            "kubectl/test_api_servers.py",
            "kubectl/test_choices_of_others.py",
            "kubectl/test_contradictions.py",
            "kubectl/test_enabling.py",
            "kubectl/test_faults.py",
            "kubectl/test_faults_client.py",
            "kubectl/test_limits.py",
            "kubectl/test_metallb.py",
            "kubectl/test_other_cluster.py",
            "kubectl/test_removed_apis.py",
            "kubectl/test_replicas.py",
            "kubectl/test_schemas.py",
            "kubectl/test_shared_namespaces.py",
            "nodes/test_dockerd.py",
            "nodes/test_cleaning.py",
            "nodes/test_firewall.py",
            "packaging/test_gitfs.py",
            "pillar/gitops/test_push.py",
            "services/backup/test_velero.py",
            "services/prometheus/test_selectors.py",
            "services/prometheus/test_tenants_metrics.py",
            "services/tenants/test_fences.py",
            "services/tenants/test_routes.py",
            "services/tenants/test_routes_property.py",
            "services/tenants/test_tenants.py",
            "services/test_adding_a_service.py",
            "services/traefik",
            "turns/test_real_master.py",
        ),
        "3006": (
            "engine/test_another_engine.py",
            "engine/test_dead_node.py",
            "engine/test_orchestrations.py",
            "engine/test_fault_matrix.py",
            "engine/test_removal.py",
            "packaging/test_startup.py",
            "packaging/test_version.py",
            "services/backup/test_operations.py",
            "services/test_status.py",
            "engine/test_drains.py",
            "engine/test_etcd.py",
            "engine/test_ssh.py",
            "kubectl/health/test_going.py",
            "kubectl/operations",
            "kubectl/test_aggregation.py",
            "kubectl/test_choices.py",
            "kubectl/test_dead_webhook.py",
            "kubectl/test_drift.py",
            "kubectl/test_field_managers.py",
            "kubectl/test_handover.py",
            "kubectl/test_many.py",
            "kubectl/test_members.py",
            "kubectl/test_nulls.py",
            "kubectl/test_property.py",
            "kubectl/test_property_sets.py",
            "kubectl/test_reading.py",
            "kubectl/test_refusals.py",
            "kubectl/test_replace.py",
            "kubectl/test_sets.py",
            "kubectl/test_versions.py",
            "pillar/test_several_clusters.py",
            "services/backup/test_rights.py",
            "services/backup/test_rights_k8up.py",
            "services/prometheus/test_rules.py",
            "services/tenants/test_platform_objects.py",
            "services/tenants/test_pods.py",
            "services/tenants/test_services.py",
            "services/test_cases.py",
            "turns/test_turns.py",
        ),
    },
}
AGAIN = ("--last-failed", "--last-failed-no-failures=none")
NEEDED = {"git": "git", "ssh": "openssh-client", "ssh-keygen": "openssh-client", "gpg": "gnupg"}


class StepError(Exception):
    """A step failed; what it printed was shown already."""


def say(seconds: float, text: str) -> None:
    """One line of progress."""
    print(f"{seconds:6.1f} s  {text}", flush=True)


def log_of(title: str) -> Path:
    """Where a step's output is kept."""
    return LOGS / (re.sub("[ /]", "-", title) + ".log")


def step(title: str, *argv: str | Path, last_line: bool = False) -> None:
    """Run a program as a step. last_line: show the last line of its output, which sums a pytest run up."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = log_of(title)
    begin = time.monotonic()
    with log.open("w") as out:
        words = [str(word) for word in argv]
        code = subprocess.run(
            words, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        ).returncode
    lines = log.read_text(errors="replace").splitlines()
    if code:
        print("\n".join(lines[-TAIL:]), flush=True)
        say(time.monotonic() - begin, f"FAILED: {title} (exit status {code}; all of it: {log.relative_to(ROOT)})")
        raise StepError(title)
    say(time.monotonic() - begin, f"{title}: {lines[-1].strip('= ')}" if last_line and lines else title)


def both(title: str, run: Callable[[str], None], lines: Iterable[str]) -> None:
    """Do something for several Salt lines at the same time (most of a test is waiting), each to its end."""
    lines, failed = list(lines), []
    with ThreadPoolExecutor(len(lines)) as pool:
        for line, done in [(line, pool.submit(run, line)) for line in lines]:
            try:
                done.result()
            except StepError:
                failed.append(line)
    if failed:
        raise StepError(f"{title} on Salt {' and '.join(failed)}")


def tool(name: str, line: str = venv.LINES[0]) -> Path:
    """A program of a Salt line's environment."""
    return venv.place(line) / "bin" / name


def prepare(lines: list[str], _more: list[str]) -> None:
    """Everything the tests need, on a fresh Debian machine too; what is installed already is left alone."""
    _packages()
    for line in lines:
        begin = time.monotonic()
        venv.make(line, report=lambda _: None)
        say(time.monotonic() - begin, f"environment of Salt {line}")


def programs(_lines: list[str], _more: list[str]) -> None:
    """The real programs that the functional tests run, built once; the simulator's own tests come with it."""
    step("programs of the tests", tool("python"), ROOT / "tests" / "support" / "programs.py")
    step("Go tests of the simulator", "go", "-C", "lab/vcsim", "test", "./...")


def _packages() -> None:
    begin = time.monotonic()
    missing = {program: package for program, package in NEEDED.items() if not shutil.which(program)}
    if not preflight.find_go():
        missing[f"go >= {preflight.GO[0]}.{preflight.GO[1]}"] = "golang"
    try:
        venv.interpreter()
    except venv.VenvError:
        missing["python3 -m venv"] = "python3-venv"
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        packages = ", ".join(sorted(set(missing.values())))
        raise StepError(f"this machine lacks {', '.join(missing)} (Debian: {packages})")
    say(0, f"missing here, installed from Debian now: {', '.join(missing)}")
    preflight.install(missing)
    if not preflight.find_go():
        raise StepError("this machine has no Go >= {}.{}, and Debian's packages do not help".format(*preflight.GO))
    venv.interpreter()
    say(time.monotonic() - begin, "Debian packages")


def tracked(*patterns: str) -> list[str]:
    """Files of the repository (tracked, or new and not ignored) that match."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    found = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return sorted({name for name in found if name and (ROOT / name).is_file()})


def checks() -> dict[str, list[str | Path]]:
    """What ``lint`` consists of: name -> the command."""
    return {
        "ruff": [tool("ruff"), "check", "--no-cache", "."],
        "format": [tool("ruff"), "format", "--no-cache", "--check", "."],
        "mypy": [tool("mypy")],
        "imports": [tool("python"), "tests/support/imports.py"],
        "yamllint": [tool("yamllint"), "--strict", *tracked("*.yaml", "*.yml", ".yamllint")],
        "salt-lint": [tool("salt-lint"), *tracked("salt/*.sls", "pillar.example/*.sls", "lab/pillar/*.sls")],
    }


def lint(_lines: list[str], more: list[str]) -> None:
    """All checks of ``checks``, or those named after ``--``; every one of them even when one finds something."""
    wanted, failed = checks(), []
    named = more if set(more) <= set(wanted) else []  # other words are pytest's, in `make test ARGS=...`
    for title in named or wanted:
        try:
            step(title, *wanted[title])
        except StepError:
            failed.append(title)
    if failed:
        raise StepError(", ".join(failed))


def unit(lines: list[str], more: list[str]) -> None:
    """Unit tests on every Salt line."""
    _shared("unit", lines, more)


def functional(lines: list[str], more: list[str]) -> None:
    """Functional tests on every Salt line."""
    _shared("functional", lines, more)


def _shared(kind: str, lines: list[str], more: list[str]) -> None:
    """Run a folder of tests on every line, without what another line runs."""

    def run(line: str) -> None:
        left = [name for other in lines if other != line for name in ONCE[kind][other]]
        if left:
            say(0, f"{kind}: not on Salt {line}, because another line runs them: {', '.join(left)}")
        _pytest(kind, line, [*(f"--ignore=tests/{kind}/{name}" for name in left), *more])

    both(kind, run, lines)


def skipped(lines: list[str], more: list[str]) -> None:
    """The modules in which ``functional`` skipped a test, once more: programs that they need may be there by now."""

    def run(line: str) -> None:
        log = log_of(f"functional tests on Salt {line}")
        text = log.read_text(errors="replace") if log.exists() else ""
        modules = sorted(set(re.findall(r"^SKIPPED \[\d+\] (\S+\.py):", text, re.MULTILINE)))
        if modules:
            step(f"skipped tests on Salt {line}, again", *_words(line, *modules, *more), last_line=True)
        else:
            say(0, f"nothing was skipped on Salt {line}")

    both("skipped", run, lines)


def _pytest(kind: str, line: str, more: list[str]) -> None:
    title = f"{kind} tests on Salt {line}"
    words = _words(line, "-o", f"cache_dir=build/pytest-{kind}-{line}", f"tests/{kind}", *more)
    try:
        step(title, *words, last_line=True)
    except StepError:
        if kind == "unit":
            raise
        # Daemons on a busy machine answer late. What fails again is a fault; what does not is named as unstable.
        step(f"{title}, those that failed, again", *words, *AGAIN, last_line=True)
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", log_of(title).read_text(errors="replace"), re.MULTILINE)
        say(0, f"UNSTABLE on Salt {line}, failed once and passed alone: {', '.join(failed)}")


def _words(line: str, *more: str) -> list[str | Path]:
    return [tool("python", line), "-m", "pytest", "-q", "--durations=10", *more]


STEPS = {one.__name__: one for one in (prepare, lint, unit, programs, functional, skipped)}


def main(argv: list[str]) -> int:
    """Run the steps named; return 0 when all went well. A failed step does not keep the later ones from running."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="+", choices=STEPS)
    parser.add_argument("--line", action="append", choices=venv.LINES, help="only this Salt line (may be repeated)")
    at = argv.index("--") if "--" in argv else len(argv)
    options, more = parser.parse_args(argv[:at]), argv[at + 1 :]
    begin, failed = time.monotonic(), []
    preflight.find_go()  # puts it in PATH
    for name in options.steps:
        try:
            STEPS[name](options.line or list(venv.LINES), more)
        except (StepError, venv.VenvError) as err:
            failed.append(f"{name}: {err}")
            if name == "prepare":
                break
    for text in failed:
        print(f"FAILED  {text}", flush=True)
    say(time.monotonic() - begin, "all of it" if not failed else "until the end")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
