"""The direction of imports in the library: which room may import which, as data, and what a tree does against it.

    python3 tests/support/imports.py              # prints what is wrong; `make lint` runs it

Standard library only.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOP = "saltk8s"
MAX_ENTRIES = 10  # of the library's folder
MAX_MODULES = 14  # of any folder in it
# What a module is, by its name below saltk8s: the first pattern that matches. `name` is the service or the engine.
ROOMS = (
    (r"|__main__", "commands"),
    (r"base(\..*)?", "base"),
    (r"pillar\.vocabulary(\..*)?", "vocabulary"),
    (r"pillar(\..*)?", "pillar"),
    (r"(?P<room>kubectl|nodes|cloud|turns)(\..*)?", "{room}"),
    (r"services", "the list of services"),
    (r"services\.common", "what services share"),
    (r"services\.status(_facts)?", "the status of services"),
    (r"services\.(?P<name>\w+)(\.(schema|model))?", "the schema of service {name}"),
    (r"services\.(?P<name>\w+)\..*", "service {name}"),
    (r"engine(\.(schema|registry|base|plan|state_folder))?", "the seam of engines"),
    (r"engine\.(?P<name>\w+)\.schema", "the schema of engine {name}"),
    (r"engine\.\w+", "what engines share"),
    (r"engine\.(?P<name>\w+)(\..*)?", "engine {name}"),
)
# What each may import, besides modules of its own room; a pattern may take up {name}.
MAY = {
    "commands": (".*",),
    "base": (),
    "vocabulary": ("base",),
    "kubectl": ("base", "vocabulary"),
    "nodes": ("base", "vocabulary"),
    "cloud": ("base", "vocabulary"),
    "turns": ("base", "vocabulary", "kubectl", "nodes", "the seam of engines", "what engines share"),
    "the list of services": ("base", "vocabulary", "what services share"),
    "what services share": ("base", "vocabulary"),
    "the schema of service {name}": ("base", "vocabulary", "what services share", "service {name}"),
    "the seam of engines": ("base", "vocabulary"),
    "the schema of engine {name}": ("base", "vocabulary", "the seam of engines", "engine {name}"),
    "pillar": (
        "base",
        "vocabulary",
        "the list of services",
        "what services share",
        "the seam of engines",
        r"the schema of (service|engine) \w+",
    ),
    "what engines share": ("base", "vocabulary", "kubectl", "the seam of engines"),
    "engine {name}": (
        "base",
        "vocabulary",
        "kubectl",
        "the seam of engines",
        "what engines share",
        "the schema of engine {name}",
    ),
    "service {name}": ("base", "vocabulary", "kubectl", "what services share", "the schema of service {name}"),
    "the status of services": ("base", "vocabulary", "kubectl", "what services share", "(the schema of )?service .*"),
}


def modules(package: Path) -> dict[str, Path]:
    """Return the modules of a package: name below it (empty for itself) -> file."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = list(path.relative_to(package).with_suffix("").parts)
        if parts[0] != "formulas":
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, name: str, known: Mapping[str, Path]) -> set[str]:
    """Return the modules of the package that a file imports, at its top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = node.module or ""
            if node.level:
                whole = [TOP, *name.split(".")] if name else [TOP]
                keep = len(whole) - node.level + (path.stem == "__init__")
                above = ".".join([*whole[:keep], *([node.module] if node.module else [])])
            found |= {f"{above}.{alias.name}" for alias in node.names}
    ours = {full.removeprefix(TOP).removeprefix(".") for full in found if full == TOP or full.startswith(f"{TOP}.")}
    return {_nearest(full, known) for full in ours} - {name}


def _nearest(name: str, known: Mapping[str, Path]) -> str:
    """Return the module that holds an imported name."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name


def room(name: str) -> tuple[str, str]:
    """Return the room that a module belongs to and its rule in MAY: ``("service backup", "service {name}")``."""
    for pattern, title in ROOMS:
        found = re.fullmatch(pattern, name)
        if found:
            words = found.groupdict()
            rule = title.format(room=words.get("room"), name="{name}")
            return rule.format(name=words.get("name")), rule
    raise ValueError(f"{TOP}.{name} belongs to no room: give it one in tests/support/imports.py")


def graph(package: Path) -> dict[str, set[str]]:
    """Return what every module of a package imports of it."""
    known = modules(package)
    return {name: imported(path, name, known) for name, path in known.items()}


def forbidden(package: Path) -> list[str]:
    """Return the imports that go against the direction: ``base.x (base) imports kubectl.y (kubectl)``."""
    problems = []
    for name, targets in graph(package).items():
        own, rule = room(name)
        allowed = [pattern.format(name=re.escape(own.split()[-1])) for pattern in MAY[rule]]
        for target in sorted(targets):
            other, _ = room(target)
            if other != own and not any(re.fullmatch(pattern, other) for pattern in allowed):
                problems.append(f"{name} ({own}) imports {target or TOP} ({other})")
    return problems


def cycles(package: Path) -> list[list[str]]:
    """Return the circles of imports, each as the modules on its way."""
    edges, done, found = graph(package), set(), []

    def follow(name: str, way: list[str]) -> None:
        if name in way:
            found.append([*way[way.index(name) :], name])
        elif name not in done:
            for target in sorted(edges[name]):
                follow(target, [*way, name])
            done.add(name)

    for name in edges:
        follow(name, [])
    return found


def of_edges(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what execution and state modules import of the library: ``("_modules/rke.py", "engine.rke.engine")``."""
    known = modules(folder / "_utils" / TOP)
    for path in sorted([*folder.glob("_modules/*.py"), *folder.glob("_states/*.py")]):
        for target in sorted(imported(path, "-", known)):
            yield f"{path.parent.name}/{path.name}", target


def of_foreign_engines(folder: Path) -> list[str]:
    """Return the imports of an engine by an edge that is not its own."""
    package = folder / "_utils" / TOP
    engines = {path.parent.name for path in package.glob("engine/*/__init__.py")}
    return [
        f"{edge} imports {target}"
        for edge, target in of_edges(folder)
        for name in target.split(".")[1:2]
        if target.startswith("engine.") and name in engines and not edge.endswith(f"/{name}.py")
    ]


def crowded(package: Path) -> list[str]:
    """Return the folders that hold more than a person takes in at a glance."""
    entries = [path.name for path in package.iterdir() if path.name != "__pycache__"]
    found = [f"{package.name} has {len(entries)} entries"] if len(entries) > MAX_ENTRIES else []
    for folder in sorted(path for path in package.rglob("*") if path.is_dir()):
        count = len([path for path in folder.glob("*.py") if path.name != "__init__.py"])
        if count > MAX_MODULES:
            found.append(f"{folder.relative_to(package).as_posix()} has {count} modules")
    return found


def problems(folder: Path) -> list[str]:
    """Return everything that is wrong with a tree. folder: the repository's ``salt``."""
    package = folder / "_utils" / TOP
    circles = [f"a circle of imports: {' -> '.join(way)}" for way in cycles(package)]
    return [*forbidden(package), *circles, *of_foreign_engines(folder), *crowded(package)]


def main() -> int:
    """Print what is wrong; return 1 when there is anything."""
    found = problems(ROOT / "salt")
    print("\n".join(found) if found else "imports point downwards")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
