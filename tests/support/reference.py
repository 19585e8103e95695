"""The API reference of execution and state modules, made of their docstrings: `make docs` writes it.

    python3 tests/support/reference.py            # writes docs/reference/

One page for each name under which Salt offers functions: several files may share one, as those of `kubectl` do.
Standard library only.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]

from support import tree  # noqa: E402

PLACE = ROOT / "docs" / "reference"
TITLES = {"modules": "Execution modules", "states": "States"}
KINDS = {"modules": "Execution module", "states": "State module"}
GENERATED = "<!-- Written by `make docs` from the docstrings; edit those. -->"
DIRECTIVE = re.compile(r"\.\. ([a-z-]+):: ?(.*)")
ITEM = re.compile(r"[*\w]+(, [*\w]+)*")  # names of parameters on a line of their own


def sources(kind: str) -> dict[str, list[Path]]:
    """Return the files of a kind of module, by the name under which Salt offers their functions."""
    found: dict[str, list[Path]] = {}
    for path in sorted((ROOT / "salt" / f"_{kind}").glob("*.py")):
        if tree.public_functions(path):
            found.setdefault(tree.virtual_name(path), []).append(path)
    return found


def pages() -> dict[Path, str]:
    """Return every page of the reference: path below docs/reference -> text."""
    found = {Path("README.md"): index()}
    for kind in TITLES:
        for name, paths in sources(kind).items():
            found[Path(kind) / f"{name}.md"] = page(kind, name, paths)
    return found


def index() -> str:
    """Return the page that leads to the others: every function with its first sentence."""
    out = [GENERATED, "", "# Reference", "", "Every function that the pack adds to Salt.", ""]
    out += ["Keys of the pillar are in [pillar.md](../pillar.md).", ""]
    for kind, title in TITLES.items():
        out += [f"## {title}", ""]
        for name, paths in sources(kind).items():
            out += [f"### [{name}]({kind}/{name}.md)", "", f"{_first_sentence(_top(paths[0]))}", ""]
            out += ["| function | what it does |" if kind == "modules" else "| state | what it ensures |", "|---|---|"]
            for path in paths:
                for function in tree.public_functions(path):
                    shown = _shown_name(path, function)
                    link = f"{kind}/{name}.md#{_anchor(f'{name}.{shown}')}"
                    text = _first_sentence(ast.get_docstring(function) or "").replace("|", "\\|")
                    out.append(f"| [`{shown}`]({link}) | {text} |")
            out.append("")
    return "\n".join(out).rstrip() + "\n"


def page(kind: str, name: str, paths: list[Path]) -> str:
    """Return the page of a module: what holds for all of it, then its functions."""
    out = [GENERATED, "", f"# {name}", "", f"{KINDS[kind]}. [All of them](../README.md)", ""]
    for path in paths:
        source = path.relative_to(ROOT).as_posix()
        if len(paths) > 1:
            out += [f"## {_first_sentence(_top(path)).split(':')[0].rstrip('.')}", ""]
        out += [*_markdown(_top(path), page_folder=PLACE / kind), ""]
        out += [f"Written in [`{source}`]({os.path.relpath(path, PLACE / kind)}).", ""]
        for function in tree.public_functions(path):
            out += [*_function(name, path, function, "#" * (3 if len(paths) > 1 else 2), PLACE / kind), ""]
    return "\n".join(out).rstrip() + "\n"


def _function(module: str, path: Path, function: ast.FunctionDef, level: str, folder: Path) -> list[str]:
    shown = f"{module}.{_shown_name(path, function)}"
    call = f"{shown}({ast.unparse(function.args)})"
    return [
        f"{level} {shown}",
        "",
        "```python",
        *(_folded(shown, function) if len(call) > 100 else [call]),
        "```",
        "",
        *_markdown(ast.get_docstring(function) or "", page_folder=folder),
    ]


def _folded(shown: str, function: ast.FunctionDef) -> list[str]:
    """Return a long signature with one parameter a line."""
    parts = _split(ast.unparse(function.args))
    return [f"{shown}(", *(f"    {part}," for part in parts), ")"]


def _split(text: str) -> list[str]:
    """Return the parameters of a signature: split at commas that stand in no brackets."""
    parts, depth, begin = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append(text[begin:at].strip())
            begin = at + 1
    return [*parts, text[begin:].strip()]


def _shown_name(path: Path, function: ast.FunctionDef) -> str:
    return tree.aliases(path).get(function.name, function.name)


def _top(path: Path) -> str:
    return ast.get_docstring(tree.parsed(path)) or ""


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.split("\n\n")[0].split())
    found = re.match(r"(.+?[.!?])(?= [A-Z]|$)", paragraph)
    return _inline(found[1] if found else paragraph)


def _anchor(title: str) -> str:
    return re.sub(r"[^\w-]", "", title.lower())


def _inline(text: str) -> str:
    """Return a text with its literals as Markdown has them."""
    return re.sub(r"``(.+?)``", r"`\1`", text)


def _markdown(text: str, page_folder: Path) -> list[str]:
    """Return a docstring as lines of Markdown: parameters as a list, code fenced, paths of pages as links."""

    def linked(line: str) -> str:
        def link(found: re.Match[str]) -> str:
            target = ROOT / found[0]
            return f"[{found[0]}]({os.path.relpath(target, page_folder)})" if target.exists() else found[0]

        return re.sub(r"(?<![\w/`])docs/[\w/-]+\.md", link, _inline(line))

    out: list[str] = []
    in_list = False
    for first, body in _blocks(text):
        directive = DIRECTIVE.fullmatch(first)
        is_parameter = bool(body) and not directive
        if in_list and not is_parameter:
            out.append("")  # ends the list
        in_list = is_parameter
        if directive and directive[1] == "code-block":
            out += [f"```{directive[2]}", *body, "```", ""]
        elif directive and directive[1] == "versionadded":
            out += [f"*Added in version {directive[2]}.*", ""]
        elif is_parameter:  # one, or several of the same meaning
            names = ", ".join(f"`{name}`" for name in first.split(", "))
            out += [f"- {names}: {linked(body[0])}", *(f"  {linked(line)}".rstrip() for line in body[1:])]
        elif first == "CLI Example:":
            out += ["Example:", ""]
        else:
            out.append(linked(first))
    return _collapsed(out)


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield a docstring's lines; a directive or a parameter's name together with what is indented below it."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        directive = DIRECTIVE.fullmatch(line)
        if not directive and not ITEM.fullmatch(line):
            yield line, []
            continue
        body = []
        while at < len(lines) and (not lines[at] or lines[at].startswith("    ")):
            body.append(lines[at][4:])
            at += 1
        while body and not body[-1]:
            body.pop()
            at -= 1
        yield line, body[next((n for n, content in enumerate(body) if content), 0) :]


def _collapsed(lines: list[str]) -> list[str]:
    """Return lines without empty ones at the ends or one after another."""
    kept = [line for n, line in enumerate(lines) if line or (n and lines[n - 1])]
    while kept and not kept[-1]:
        kept.pop()
    return kept


def main() -> int:
    """Write the pages; remove those of modules that are gone."""
    wanted = {PLACE / path: text for path, text in pages().items()}
    for path in PLACE.rglob("*.md"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
