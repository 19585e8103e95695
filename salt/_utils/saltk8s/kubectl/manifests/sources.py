"""Where manifests come from: files and folders, on Salt's file server or on this machine, or a web server's files.

A folder means the same in both places: every manifest below it, hidden ones and those behind symbolic links too, in the
order of their paths. A web server's file is used only with its hash, because it decides what runs in the cluster.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from saltk8s.base.errors import Invalid
from saltk8s.kubectl.manifests.manifest import Source

WEB = ("http://", "https://")
_HASH = re.compile(r"^(?:(?P<name>sha256|sha384|sha512)[=:])?(?P<digits>[0-9a-fA-F]+)$")
_LENGTHS = {64: "sha256", 96: "sha384", 128: "sha512"}
SUFFIXES = tuple(f".{kind}{jinja}" for kind in ("yaml", "yml", "json") for jinja in ("", ".jinja"))

_JINJA = re.compile(
    r"\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}|(?P<length>\$\{#)|\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}",
    re.DOTALL,
)


class FileServer(NamedTuple):
    """Salt's file server as it is needed here.

    fetch: address and hash (of a web server's file, else None) -> local path, or a false value when there is no such
    file; names: folder -> the names of all files below it, from the file server's top.
    """

    fetch: Callable[[str, str | None], str]
    names: Callable[[str], Iterable[str]]


def read(
    source: str | Iterable[str] | None,
    server: FileServer,
    render: Callable[[Sequence[str]], Iterator[str]],
    hashes: str | Mapping[str, str] | None = None,
    template: str | Mapping[str, str | None] | None = "jinja",
) -> list[Source]:
    """Return the texts of the manifests, in the order of the addresses, a folder's files in the order of their paths.

    source: an address or several: ``salt://folder``, ``salt://file.yaml``, absolute paths of the same two forms, or
    ``https://`` files; render: texts -> each of them rendered, which raises Invalid where it comes to one that cannot
    be; hashes: the hash of the one web address, or ``{address: hash}``, as
    ``sha256=...``; template: ``jinja``, None for files that are taken as they are, or ``{address: one of the two}``.
    Raises Invalid: no such file, nothing in a folder, a web address without its hash or with another content, text
    that is not UTF-8 or that Jinja would cut out, and an Invalid of ``render`` with the file's name.
    """
    addresses = [source] if isinstance(source, str) else list(source or ())
    by_address: Mapping[str, str | None] = (
        hashes if isinstance(hashes, Mapping) else dict.fromkeys(filter(_is_web, addresses), hashes)
    )
    templates = template if isinstance(template, Mapping) else dict.fromkeys(addresses, template)
    for address, kind in templates.items():
        if address not in addresses:
            raise Invalid(f"template: {address} is not among the sources")
        if kind not in ("jinja", None):
            raise Invalid(f"template: got {kind!r}; expected jinja or None")
    found: list[tuple[Source, bool]] = []
    for address in addresses:
        is_template = templates.get(address, "jinja") is not None
        for name, path in _files(address, server, by_address.get(address)):
            with _named(name):
                found.append((Source(name, _text(path, is_template)), is_template))
    rendered = iter(render([item.text for item, is_template in found if is_template]))
    texts = []
    for item, is_template in found:
        with _named(item.name):
            texts.append(Source(item.name, next(rendered)) if is_template else item)
    return texts


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Put the file's name before what is said of it."""
    try:
        yield
    except Invalid as err:
        raise Invalid(f"{name}: {err}") from err


def _text(path: str, is_template: bool) -> str:
    """Return a file's text: UTF-8, or UTF-16 with its byte order mark. Raises Invalid when it is neither."""
    try:
        data = Path(path).read_bytes()
    except OSError as err:
        raise Invalid(f"cannot be read: {err.strerror}") from err
    try:
        text = data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8")
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        raise Invalid(f"invalid text at line {line}: it is not {err.encoding.upper()}") from None
    if is_template:
        _check_template(text)
    return text


def _check_template(text: str) -> None:
    """Refuse ``${#name}``: the length of a shell's variable, of which Jinja makes a comment, up to the next ``#}``."""
    for found in _JINJA.finditer(text) if "${#" in text else ():
        if found["length"]:
            line = text.count("\n", 0, found.start()) + 1
            raise Invalid(
                f"line {line}: Jinja takes what follows ${{# for a comment and cuts it out: put it between "
                "{% raw %} and {% endraw %}, or take the file as it is (template: null)"
            )


def _is_web(address: str) -> bool:
    return address.startswith(WEB)


def _files(address: str, server: FileServer, wanted: str | None) -> list[tuple[str, str]]:
    """Return (name for errors, local path) of an address."""
    if _is_web(address):
        return [(address, _from_web(address, server, wanted))]
    served = address.startswith("salt://")
    if address.endswith(SUFFIXES):
        return [(posixpath.basename(address), _existing(address, server))]
    folder = f"{address.rstrip('/')}/"
    if served:
        top = folder.removeprefix("salt://")
        below = [name.removeprefix(top) for name in server.names(top) if name.startswith(top)]
    else:
        below = _below(folder)
    names = sorted(name for name in below if name.endswith(SUFFIXES))
    if not names:
        raise Invalid(f"{address}: no manifests in it (files that end in {', '.join(SUFFIXES)})")
    return [(name, _existing(f"{folder}{name}", server)) for name in names]


def _existing(address: str, server: FileServer) -> str:
    local = server.fetch(address, None) if address.startswith("salt://") else address
    if not local or not Path(local).is_file():
        raise Invalid(f"{address}: no such file")
    return local


def _below(folder: str) -> list[str]:
    """Return the names of all files below a folder of this machine; symbolic links are followed, circles are not."""

    def fail(err: OSError) -> None:
        if err.filename != folder:
            raise Invalid(f"{err.filename}: cannot be read: {err.strerror}") from err

    names = []
    for place, folders, files in os.walk(folder, followlinks=True, onerror=fail):
        here = Path(place)
        folders[:] = [name for name in folders if not _is_circle(here / name)]
        names += [(here / name).relative_to(folder).as_posix() for name in files]
    return names


def _is_circle(path: Path) -> bool:
    """Return whether a folder is a symbolic link to one that it is in."""
    return path.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())


def _from_web(address: str, server: FileServer, wanted: str | None) -> str:
    found = _HASH.match(wanted or "")
    digits = found["digits"].lower() if found else ""
    algorithm = _LENGTHS.get(len(digits))
    if not found or not algorithm or found["name"] not in (None, algorithm):
        raise Invalid(
            f"{address}: source_hash: got {wanted or 'none'}; expected sha256=<64 hexadecimal digits> (or "
            "sha384, sha512) of the file"
        )
    local = server.fetch(address, f"{algorithm}={digits}")
    if not local or not Path(local).is_file():
        raise Invalid(f"{address}: cannot be fetched")
    actual = hashlib.new(algorithm, Path(local).read_bytes()).hexdigest()
    if actual != digits:
        raise Invalid(f"{address}: source_hash: the file's {algorithm} is {actual}; expected {digits}")
    return local
