"""Where manifests come from: files and folders, on Salt's file server or on this machine, or a web server's files.

A web server's file is used only with its hash, because it decides what runs in the cluster.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from saltk8s.base.errors import Invalid
from saltk8s.kubectl.manifests.manifest import Source

WEB = ("http://", "https://")
_HASH = re.compile(r"^(?:(?P<name>sha256|sha384|sha512)[=:])?(?P<digits>[0-9a-fA-F]+)$")
_LENGTHS = {64: "sha256", 96: "sha384", 128: "sha512"}
SUFFIXES = tuple(f".{kind}{jinja}" for kind in ("yaml", "yml", "json") for jinja in ("", ".jinja"))


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
    render: Callable[[str], str] | None,
    hashes: str | Mapping[str, str] | None = None,
) -> list[Source]:
    """Return the texts of the manifests, in the order of the addresses, a folder's files in the order of their names.

    source: an address or several: ``salt://folder``, ``salt://file.yaml``, absolute paths of the same two forms, or
    ``https://`` files; render: local path -> text, or None for files that are taken as they are; hashes: the hash of
    the one web address, or ``{address: hash}``, as ``sha256=...``.
    Raises Invalid: no such file, nothing in a folder, a web address without its hash or with another content, and
    an Invalid of ``render`` with the file's name.
    """
    addresses = [source] if isinstance(source, str) else list(source or ())
    by_address: Mapping[str, str | None] = (
        hashes if isinstance(hashes, Mapping) else dict.fromkeys(filter(_is_web, addresses), hashes)
    )
    texts = []
    for address in addresses:
        for name, path in _files(address, server, by_address.get(address)):
            try:
                texts.append(Source(name, render(path) if render else Path(path).read_text()))
            except Invalid as err:
                raise Invalid(f"{name}: {err}") from err
    return texts


def _is_web(address: str) -> bool:
    return address.startswith(WEB)


def _files(address: str, server: FileServer, wanted: str | None) -> list[tuple[str, str]]:
    """Return (name for errors, local path) of an address."""
    if _is_web(address):
        return [(address, _from_web(address, server, wanted))]
    served = address.startswith("salt://")
    if address.endswith(SUFFIXES):
        local = server.fetch(address, None) if served else address
        if not local or not Path(local).is_file():
            raise Invalid(f"{address}: no such file")
        return [(posixpath.basename(address), local)]
    if served:
        folder = address.removeprefix("salt://").strip("/") + "/"
        names = sorted(name for name in server.names(folder) if name.endswith(SUFFIXES))
        found = [(posixpath.basename(name), server.fetch(f"salt://{name}", None)) for name in names]
    else:
        files = sorted(path for path in Path(address).glob("*") if path.name.endswith(SUFFIXES))
        found = [(path.name, str(path)) for path in files]
    if not found:
        raise Invalid(f"{address}: no manifests in it (files that end in {', '.join(SUFFIXES)})")
    return found


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
