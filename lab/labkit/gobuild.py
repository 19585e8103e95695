"""Build pinned Go programs once and cache them by content.

The key of a program is a hash of its recipe, of the lab's files that go into it and of the Go release,
so a second run finds everything and builds nothing. Source: the Go module proxy, checksums verified.

    python3 -m labkit.gobuild --tier test        # prints one line a program built
    python3 -m labkit.gobuild --only rke,kubectl
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict

from labkit.programs import BY_NAME, OLDER, OLDER_PROGRAMS, PROGRAMS, Program

HERE = pathlib.Path(__file__).resolve().parents[1]
RELATIVE_REPLACE = re.compile(r"^\s*(?:replace\s+)?(\S+)(?:\s+v\S+)?\s+=>\s+\.{1,2}/\S*\s*$")


class BuildError(Exception):
    """Building a program failed; the message ends with the compiler's last lines."""


def cache_dir() -> pathlib.Path:
    """Where built things are kept between runs and clones (SALTK8S_CACHE overrides it)."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("SALTK8S_CACHE") or pathlib.Path(base) / "saltk8s")


def _go(*args: str, cwd: pathlib.Path | None = None) -> str:
    done = subprocess.run(["go", *args], cwd=cwd, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"go {' '.join(args)}: {(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout


def _environment() -> dict[str, str]:
    return os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}


def _own_files(program: Program) -> list[pathlib.Path]:
    files = [HERE / "build" / source for source in program.overlay.values() if source]
    if program.sums:
        files.append(HERE / "build" / program.sums)
    if program.modfile:
        files += sorted((HERE / "build" / program.modfile).glob("go.*"))
    return files


def key(program: Program, go_version: str) -> str:
    """Hash of everything that decides the program's bytes (12 hex digits)."""
    recipe = {name: value for name, value in asdict(program).items() if value or name not in ("replace", "tags")}
    digest = hashlib.sha256(json.dumps([recipe, go_version], sort_keys=True).encode())
    for path in _own_files(program):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def go_version() -> str:
    """The Go release, for example ``go1.26.8``."""
    return _go("env", "GOVERSION").strip()


def path_of(program: Program, version: str) -> pathlib.Path:
    """The program's path in the cache, built or not."""
    return cache_dir() / "bin" / key(program, version) / program.name


def _modfile(program: Program, source: pathlib.Path, work: pathlib.Path) -> pathlib.Path:
    """Write the go.mod to build with: the module's own, without what the module proxy does not serve."""
    lines = []
    for line in (source / "go.mod").read_text().splitlines():
        relative = RELATIVE_REPLACE.match(line)
        if relative and program.staging:
            line = line.split("=>")[0] + f"=> {relative[1]} {program.staging}"
        elif relative or any(name in line for name in program.drop) or _replaces(line, program.replace):
            continue
        lines.append(line)
    lines += [f"replace {name} => {' '.join(other.rsplit('@', 1))}" for name, other in program.replace.items()]
    (work / "go.mod").write_text("\n".join(lines) + "\n")
    sums = [source / "go.sum", HERE / "build" / program.sums] if program.sums else [source / "go.sum"]
    (work / "go.sum").write_text("".join(path.read_text() for path in sums if path.exists()))
    return work / "go.mod"


def _replaces(line: str, names: Iterable[str]) -> bool:
    """Return whether a line of a go.mod replaces one of these modules: the recipe's replacement wins."""
    return any(re.match(rf"\s*(replace\s+)?{re.escape(name)}\s.*=>", line) for name in names)


@contextlib.contextmanager
def _locked(name: str):
    """Lock a program's build: a second run (a test and the lab, say) waits and finds it in the cache."""
    folder = cache_dir() / "work"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _patched(program: Program, source: pathlib.Path, copy: pathlib.Path) -> pathlib.Path:
    """Copy a module out of the cache (files inside it may not be replaced) and put our files in place."""
    shutil.copytree(source, copy, copy_function=shutil.copyfile)
    for name, mine in program.overlay.items():
        (copy / name).unlink(missing_ok=True)
        if mine:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(HERE / "build" / mine, copy / name)
    return copy


def build(program: Program, version: str) -> tuple[pathlib.Path, float]:
    """Build one program unless it is in the cache; return its path and the seconds it took (0.0: cached)."""
    target = path_of(program, version)
    if target.exists():
        return target, 0.0
    start = time.monotonic()
    with _locked(program.name):
        if not target.exists():
            _compile(program, target)
    return target, time.monotonic() - start


def source_of(program: Program, work: pathlib.Path) -> pathlib.Path:
    """Where the Go module cache has a program's module; it is fetched when it is not there. work: any folder."""
    return pathlib.Path(json.loads(_go("mod", "download", "-json", program.module, cwd=work))["Dir"])


def _compile(program: Program, target: pathlib.Path) -> None:
    work = cache_dir() / "work" / program.name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    link = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in program.variables.items())])
    tags = ",".join(program.tags)
    args = ["build", "-trimpath", "-mod=mod", "-tags", tags, "-ldflags", link, "-o", str(work / "out")]
    if program.modfile:  # built as a requirement of our own go.mod, which pins its checksum
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(HERE / "build" / program.modfile / name, work / name)
        _go(*args, program.package, cwd=work)
    else:
        source = source_of(program, work)
        if program.overlay:
            source = _patched(program, source, work / "source")
        _go(*args, "-modfile", str(_modfile(program, source, work)), program.package, cwd=source)
    target.parent.mkdir(parents=True, exist_ok=True)
    (work / "out").replace(target)
    shutil.rmtree(work)


def build_all(programs: list[Program], report=print, jobs: int = 1) -> dict[str, pathlib.Path]:
    """Build what is missing, one after the other (the Go tool itself uses every core); return name -> path."""
    version = go_version()

    def one(program: Program) -> tuple[str, pathlib.Path]:
        path, seconds = build(program, version)
        if seconds:
            report(f"built {program.name} {program.module.rsplit('@', 1)[1]} in {seconds:.0f} s")
        return program.name, path

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return dict(pool.map(one, programs))


def main(argv: list[str] | None = None) -> int:
    """Command line: build a tier or a list of programs, print their paths with ``--paths``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", choices=["test", "all", OLDER], default="all", help="all: without Kubernetes' older")
    parser.add_argument("--only", help="comma-separated program names")
    parser.add_argument("--paths", action="store_true", help="print NAME=PATH lines")
    options = parser.parse_args(argv)
    if options.only:
        chosen = [BY_NAME[name] for name in options.only.split(",")]
    else:
        chosen = [p for p in [*PROGRAMS, *OLDER_PROGRAMS] if p.tier == options.tier]
        chosen = PROGRAMS if options.tier == "all" else chosen
    try:
        paths = build_all(chosen, report=lambda line: print(line, file=sys.stderr, flush=True))
    except BuildError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    if options.paths:
        for name, path in paths.items():
            print(f"{name}={path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
