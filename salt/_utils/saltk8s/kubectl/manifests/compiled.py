"""Templates as Jinja compiled them in the last run: compiling takes longer than rendering, and they seldom change.

One file a source of manifests, in the minion's cache folder, beside the modules that Salt itself runs from there. It
has the code of the templates that the last run needed, nothing of what they were rendered with, and is used only by
the same Python, Jinja and Salt, for the same texts.
"""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import jinja2
from saltk8s.base import files

_HEAD = 16  # bytes of a digest: half a file is no file
_OPTIONS = (
    *("block_start_string", "block_end_string", "variable_start_string", "variable_end_string"),
    *("comment_start_string", "comment_end_string", "line_statement_prefix", "line_comment_prefix"),
    *("trim_blocks", "lstrip_blocks", "newline_sequence", "keep_trailing_newline", "autoescape", "optimized"),
)


def _digest(*parts: bytes) -> bytes:
    return hashlib.blake2b(b"".join(parts), digest_size=_HEAD).digest()


class Compiled:
    """The code of the templates of one source. Without a path nothing is kept; a cache that fails is none."""

    def __init__(self, path: Path | None, salt_version: str):
        """path: of the file; salt_version: Salt adds filters, which Jinja may call while it compiles."""
        self._path = path
        self._versions = _digest(importlib.util.MAGIC_NUMBER, f"{jinja2.__version__} {salt_version}".encode())
        self._known = self._load()
        self._used: dict[bytes, CodeType] = {}

    def use_in(self, environment: jinja2.Environment) -> None:
        """Let an environment compile what is not known, and nothing else."""
        options = f"{type(environment)} {sorted(environment.extensions)} {[getattr(environment, o) for o in _OPTIONS]}"
        compiling: Callable[..., Any] = environment.compile

        def compiled(
            source: Any, name: str | None = None, filename: str | None = None, *more: Any, **flags: Any
        ) -> Any:
            if more or flags or not isinstance(source, str):
                return compiling(source, name, filename, *more, **flags)
            key = _digest("\0".join((source, str(name), str(filename), options)).encode(errors="surrogatepass"))
            code = self._used.get(key) or self._known.get(key) or compiling(source, name, filename)
            self._used[key] = code
            return code

        vars(environment)["compile"] = compiled

    def save(self) -> None:
        """Keep what was used for the next run."""
        if self._path is None or not self._used or self._used.keys() == self._known.keys():
            return
        content = self._versions + marshal.dumps(self._used)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            files.write(self._path, files.text_of(_digest(content) + content))
        except OSError:
            return

    def _load(self) -> dict[bytes, CodeType]:
        try:
            data = self._path.read_bytes() if self._path else b""
            head, content = data[:_HEAD], data[_HEAD:]
            if head != _digest(content) or content[:_HEAD] != self._versions:
                return {}
            return marshal.loads(content[_HEAD:])
        except (OSError, ValueError, EOFError, TypeError):
            return {}
