"""Build the lab's own Go programs (folders with a go.mod under ``lab/``), kept like the others of ``gobuild``.

The key is a hash of the folder's source, its module files and the Go release: an unchanged program is never built
twice, a changed one always.

    python3 -m labkit.owngo vcsim          # builds lab/vcsim, prints the program's path
"""

from __future__ import annotations

import hashlib
import pathlib
import sys

from labkit.gobuild import HERE, BuildError, _go, _locked, cache_dir, go_version


def sources(folder: pathlib.Path) -> list[pathlib.Path]:
    """The files that decide the program's bytes: everything in the folder but its tests and hidden files."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith("_test.go")
    )


def key(folder: pathlib.Path, version: str) -> str:
    """Hash of the program's source and the Go release (12 hex digits)."""
    digest = hashlib.sha256(version.encode())
    for path in sources(folder):
        content = path.read_bytes()
        digest.update(f"\n{path.relative_to(folder)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]


def build_own(name: str, source_dir: pathlib.Path | str | None = None) -> pathlib.Path:
    """Build one of the lab's own programs unless the cache has it.

    name: file name of the program; source_dir: its folder with go.mod (default: ``lab/<name>``).
    Returns the program's path in the cache. Raises BuildError with the compiler's last lines.
    """
    folder = pathlib.Path(source_dir or HERE / name).resolve()
    if not (folder / "go.mod").is_file():
        raise BuildError(f"no go.mod in {folder}")
    target = cache_dir() / "bin" / key(folder, go_version()) / name
    if target.exists():
        return target
    with _locked(name):
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_suffix(".new")  # an interrupted build leaves no incomplete program
            _go("build", "-trimpath", "-mod=readonly", "-ldflags", "-s -w", "-o", str(unfinished), ".", cwd=folder)
            unfinished.replace(target)
    return target


def main(argv: list[str] | None = None) -> int:
    """Command line: build the programs named, print their paths."""
    for name in sys.argv[1:] if argv is None else argv:
        try:
            print(build_own(name))
        except BuildError as err:
            print(f"error: {err}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
