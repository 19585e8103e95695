"""Where manifests come from: files and folders, on Salt's file server or on this machine, rendered or as they are."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from saltk8s.errors import Invalid
from saltk8s.objects.manifest import Source

SUFFIXES = tuple(f".{kind}{jinja}" for kind in ("yaml", "yml", "json") for jinja in ("", ".jinja"))


class FileServer(NamedTuple):
    """Salt's file server as it is needed here.

    fetch: address -> local path, or a false value when there is no such file; names: folder -> the names of all
    files below it, from the file server's top.
    """

    fetch: Callable[[str], str]
    names: Callable[[str], Iterable[str]]


def read(source: str | Iterable[str] | None, server: FileServer, render: Callable[[str], str] | None) -> list[Source]:
    """Return the texts of the manifests, in the order of the addresses, a folder's files in the order of their names.

    source: an address or several: ``salt://folder``, ``salt://file.yaml``, or absolute paths of the same two sorts;
    render: local path -> text, or None for files that are taken as they are.
    Raises Invalid: no such file, nothing in a folder, and whatever ``render`` raises of it, with the file's name.
    """
    addresses = [source] if isinstance(source, str) else list(source or ())
    texts = []
    for address in addresses:
        for name, path in _files(address, server):
            try:
                texts.append(Source(name, render(path) if render else Path(path).read_text()))
            except Invalid as err:
                raise Invalid(f"{name}: {err}") from err
    return texts


def _files(address: str, server: FileServer) -> list[tuple[str, str]]:
    """Return (name for errors, local path) of an address."""
    served = address.startswith("salt://")
    if address.endswith(SUFFIXES):
        local = server.fetch(address) if served else address
        if not local or not Path(local).is_file():
            raise Invalid(f"{address}: no such file")
        return [(posixpath.basename(address), local)]
    if served:
        folder = address.removeprefix("salt://").strip("/") + "/"
        names = sorted(name for name in server.names(folder) if name.endswith(SUFFIXES))
        found = [(posixpath.basename(name), server.fetch(f"salt://{name}")) for name in names]
    else:
        files = sorted(path for path in Path(address).glob("*") if path.name.endswith(SUFFIXES))
        found = [(path.name, str(path)) for path in files]
    if not found:
        raise Invalid(f"{address}: no manifests there (files that end in {', '.join(SUFFIXES)})")
    return found
