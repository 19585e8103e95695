"""Which saltk8s this is, and whether the modules of a minion and the package that they import came together.

The version is the release, with the commit where one is known: from git in a checkout, from the metadata of an
installed wheel or of an unpacked source archive. A minion that synced the pack has neither, so what tells two copies
apart there is a digest of the Python files themselves.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from saltk8s.base import errors, process

RELEASE = "0.1.0"  # the next one, until its commit has the tag v<release>
PACKAGE = Path(__file__).resolve().parents[1]
KINDS = ("modules", "states", "clouds")  # folders of Salt's that hold files of the pack beside those of a site
DESCRIBED = re.compile(r"(?:v(?P<tag>\S+)-(?P<since>\d+)-g)?(?P<commit>[0-9a-f]{7,})(?P<dirty>-dirty)?$")
GIT_TIMEOUT_S = 10
SHOWN = 10  # characters of a digest that messages show


@functools.cache
def version(package: Path = PACKAGE) -> str:
    """Return the version by PEP 440: ``0.1.0`` for a release, ``0.1.0+g1a2b3c4`` for a commit before it.

    ``.dirty`` is added where the checkout has changes that are not committed. A copy that nothing is known of (synced
    to a minion, unpacked without metadata) has the release alone. package: the folder ``saltk8s``.
    """
    return _of_checkout(package.parents[2]) or _of_wheel(package) or RELEASE


def _of_checkout(root: Path) -> str | None:
    """Return the version of a work tree or of an unpacked source archive; None when the folder is neither."""
    if not (root / "setup.cfg").is_file():
        return None
    if (root / ".git").exists():
        words = ["describe", "--tags", "--long", "--always", "--dirty", "--abbrev=7", "--match=v[0-9]*"]
        try:
            done = process.run(
                ["git", f"--git-dir={root / '.git'}", f"--work-tree={root}", *words], timeout_s=GIT_TIMEOUT_S
            )
        except errors.SaltK8sError:  # no git on this machine
            return None
        return _described(done.out.strip()) if done.exit_status == 0 else None
    try:
        return metadata.Distribution.at(root).version  # PKG-INFO
    except (metadata.PackageNotFoundError, KeyError):
        return None


def _described(text: str) -> str | None:
    """Return the version that the answer of ``git describe`` stands for."""
    found = DESCRIBED.match(text)
    if not found:
        return None
    if found["tag"] == RELEASE and found["since"] == "0" and not found["dirty"]:
        return RELEASE
    return f"{RELEASE}+g{found['commit']}{'.dirty' if found['dirty'] else ''}"


def _of_wheel(package: Path) -> str | None:
    """Return what pip installed, if it installed this very package."""
    try:
        installed = metadata.distribution("saltk8s")
    except metadata.PackageNotFoundError:
        return None
    same = Path(str(installed.locate_file("saltk8s"))).resolve() == package
    return installed.version if same else None


class Copy(NamedTuple):
    """A copy of the pack's Python files: the folder ``saltk8s``, and the folder with Salt's folders of modules.

    prefix: what the names of those folders begin with, ``_`` on a file server and nothing in a minion's cache.
    """

    package: Path
    root: Path
    prefix: str

    def names(self) -> Iterator[str]:
        """Yield its files: ``modules/kubectl.py``, ``saltk8s/base/files.py`` ..."""
        for kind in KINDS:
            yield from (f"{kind}/{path.name}" for path in (self.root / (self.prefix + kind)).glob("*.py"))
        yield from self.library()

    def library(self) -> Iterator[str]:
        """Yield the files of the package, without the formulas that a wheel has inside it."""
        for path in self.package.rglob("*.py"):
            inside = path.relative_to(self.package)
            if inside.parts[0] != "formulas":
                yield f"saltk8s/{inside.as_posix()}"

    def file_digest(self, name: str) -> str:
        """Return a digest of one file; ``absent`` where this copy has no such file."""
        kind, _, inside = name.partition("/")
        folder = self.package if kind == "saltk8s" else self.root / (self.prefix + kind)
        try:
            return hashlib.sha256((folder / inside).read_bytes()).hexdigest()
        except FileNotFoundError:
            return "absent"

    def digest(self, names: Iterable[str]) -> str:
        """Return a digest of what these files hold."""
        whole = hashlib.sha256()
        for name in sorted(names):
            whole.update(f"{name} {self.file_digest(name)}\n".encode())
        return whole.hexdigest()[:SHOWN]

    def is_pure(self) -> bool:
        """True where the folders of modules hold the pack's files only: not in a minion's cache."""
        return self.prefix == "_"


def _of_module(path: Path) -> Copy:
    """Return the copy that an execution module belongs to, by where it lies."""
    folder = path.resolve().parent
    prefix = "_" if folder.name.startswith("_") else ""
    root = folder.parent
    return Copy(root / f"{prefix}utils" / "saltk8s", root, prefix)


def _of_package(package: Path) -> Copy:
    """Return the copy that an imported package belongs to."""
    if (package / "formulas" / "_modules").is_dir():
        return Copy(package, package / "formulas", "_")
    return Copy(package, package.parents[1], "_" if package.parent.name.startswith("_") else "")


def drift(module: str, package: Path | None = None) -> str | None:
    """Return a warning when a module and the package that it imports are of two different commits, else None.

    module: ``__file__`` of an execution module; package: the folder ``saltk8s`` that it imports. A minion that has the
    pack from the file server and from pip runs the modules of the one with the package of the other. Only Python files
    are compared: two commits that differ in nothing else work together.
    """
    package = package or PACKAGE
    modules, imported = _of_module(Path(module)), _of_package(package)
    if modules.root == imported.root:
        return None
    pure = [copy for copy in (modules, imported) if copy.is_pure()]
    names = {name for copy in pure for name in copy.names()} | {*modules.library(), *imported.library()}
    theirs, ours = modules.digest(names), imported.digest(names)
    if theirs == ours:
        return None
    return (
        f"the modules in {modules.root} are of saltk8s {version(modules.package)} (content {theirs}), but the package "
        f"that they import, in {package}, is {version(package)} (content {ours}): install the same commit with pip and "
        "on the file server, or only one of them"
    )


def content() -> str:
    """Return the digest that the warning shows, of this package and the modules that belong to it."""
    own = _of_package(PACKAGE)
    return own.digest(own.names())
