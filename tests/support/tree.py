"""The repository as files: what the tests of the tree's own rules look at."""

from __future__ import annotations

import ast
import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "salt" / "_utils" / "saltk8s"
BINARY = {".png", ".gz", ".zip", ".whl"}


@functools.lru_cache(maxsize=1)
def tracked() -> list[Path]:
    """Files of the repository: tracked, or new and not ignored; the whole tree when it is no git checkout."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        found = [path for path in ROOT.rglob("*") if ".git" not in path.parts and "__pycache__" not in path.parts]
    else:
        found = [ROOT / name for name in done.stdout.splitlines()]
    return sorted(path for path in found if path.is_file() and not path.is_symlink() and path.suffix not in BINARY)


def relative(path: Path) -> str:
    """The path from the repository's top."""
    return str(path.relative_to(ROOT))


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> set[str]:
    """Names of the top packages that a Python file imports, anywhere in it."""
    names = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def public_functions(path: Path) -> list[ast.FunctionDef]:
    """Functions that Salt's loader offers from a module: at its top level, not private."""
    found = [node for node in parsed(path).body if isinstance(node, ast.FunctionDef)]
    return [function for function in found if not function.name.startswith("_")]


def parameters(function: ast.FunctionDef) -> list[str]:
    """Names of a function's parameters, without ``*args`` and ``**kwargs``."""
    args = function.args
    return [arg.arg for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs]]


def aliases(path: Path) -> dict[str, str]:
    """Names under which Salt offers a module's functions, where they are not the functions' own."""
    for node in parsed(path).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__func_alias__":
            return ast.literal_eval(node.value)
    return {}


def virtual_name(path: Path) -> str:
    """The name under which Salt offers a module: its ``__virtualname__``, else the file's own."""
    for node in parsed(path).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__virtualname__":
            return ast.literal_eval(node.value)
    return path.stem
