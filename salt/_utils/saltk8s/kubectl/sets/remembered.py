"""What was equal in the last run: the same document beside the same live object is neither parsed nor compared again.

Whether a run has something to write for an object follows from its document and from the object that the API server
returns, and from nothing else (``looks_equal``). Where both are what they were, the answer is, too. Kept are digests of
both in the minion's cache, nothing of their content, and the digest of this code: other code compares anew. Whatever
cannot be told from the digests is done the usual way, with the usual errors.
"""

from __future__ import annotations

import hashlib
import json
import marshal
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from saltk8s.base import errors, files
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import equality
from saltk8s.kubectl.manifests import manifest
from saltk8s.kubectl.manifests.identity import Key, Kind, key_of, kind_of

Objects = dict[Key, dict[str, Any]]

_BETWEEN = "\n---\n"
_UNUSUAL = ("\n...", "\n%", "\r", "\ufeff")  # other marks that end or change documents
_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _digest_of_code() -> str:
    """As it was when it was imported: a process that runs on after an update compares with what it has loaded."""
    top = Path(__file__).resolve().parents[2]
    sources = sorted(path for folder in ("base", "kubectl") for path in (top / folder).rglob("*.py"))
    return _digest(b"".join(path.read_bytes() for path in sources))


_CODE = _digest_of_code()


class Seen(NamedTuple):
    """An object of a document that was equal: its apiVersion and key, and the digest of the live object."""

    api_version: str
    key: Key
    live: str


class _Unknown(Exception):
    """The documents that are not known cannot be told from the known ones."""


class Document:
    """A known document: parsed when somebody looks into one of its objects."""

    def __init__(self, source: manifest.Source, seen: Sequence[Seen], set_name: str, namespace: str):
        self._source = source
        self._seen = seen
        self._scope = (set_name, namespace)
        self._objects: Objects | None = None

    def object(self, key: Key) -> dict[str, Any]:
        """Return one of its objects, as manifest.declare() gives it."""
        if self._objects is None:
            self._objects = manifest.declare(manifest.parse([self._source]), *self._scope, self._cluster_scoped)
        return self._objects[key]

    def _cluster_scoped(self, kinds: Iterable[Kind]) -> set[Kind]:
        inside = {(one.key.group, one.key.kind) for one in self._seen if one.key.namespace}
        return {kind for kind in kinds if kind.gk not in inside}

    def unread(self) -> Iterator[tuple[Key, Unread]]:
        """Return its objects, none of them parsed."""
        return ((one.key, Unread(self, one)) for one in self._seen)


class Unread(Mapping[str, Any]):
    """A declared object that is parsed when more is asked for than its apiVersion and kind."""

    def __init__(self, document: Document, seen: Seen):
        self._document = document
        self.seen = seen

    def __getitem__(self, field: str) -> Any:
        if field == "apiVersion":
            return self.seen.api_version
        return self.seen.key.kind if field == "kind" else self._document.object(self.seen.key)[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._document.object(self.seen.key))

    def __len__(self) -> int:
        return len(self._document.object(self.seen.key))


class Remembered:
    """The digests of one set, as the last run left them; without a cache folder there are none."""

    def __init__(self, kubectl: Kubectl, set_name: str, namespace: str):
        self._set, self._namespace = set_name, namespace
        name = _digest(f"{kubectl.words} {set_name} {namespace}".encode())
        self._path = Path(kubectl.cache_dir) / "sets" / f"{name}.equal" if kubectl.cache_dir else None
        self._known = self._load()
        self._document_of: dict[Key, str] = {}  # digests
        self._equal: dict[Key, Seen] = {}

    def declare(
        self,
        sources: Sequence[manifest.Source],
        more: Iterable[manifest.Found],
        cluster_scoped: manifest.AskScope,
    ) -> Objects:
        """Return what manifest.declare() returns for the objects of texts and ``more``; raises as it and parse() do.

        Objects of known documents are Unread.
        """
        more = list(more)
        for known in (self._known, {}) if self._known else ({},):
            self._document_of = {}
            try:
                return self._declared(sources, more, cluster_scoped, known)
            except (_Unknown, errors.Invalid):  # an error has to be about all of them, and number the documents
                continue
        self._document_of = {}
        return manifest.declare([*manifest.parse(sources), *more], self._set, self._namespace, cluster_scoped)

    def looks_equal(self, declared: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
        """Return what equality.looks_equal() returns, and remember it."""
        digest = _digest(
            marshal.dumps(dict(live), 2)
        )  # the same data always gives the same bytes, and 1 others than true
        if isinstance(declared, Unread) and declared.seen.live == digest:
            self._equal[declared.seen.key] = declared.seen
            return True
        equal = equality.looks_equal(declared, live)
        if equal:
            key = key_of(live)
            self._equal[key] = Seen(live["apiVersion"], key, digest)
        return equal

    def save(self) -> None:
        """Keep the documents whose objects are equal for the next run. It is only a cache: failing to is no failure."""
        documents: dict[str, list[Seen]] = {}
        for key, digest in self._document_of.items():
            documents.setdefault(digest, [])
            if key in self._equal:
                documents[digest].append(self._equal[key])
        sizes = Counter(self._document_of.values())
        found = {digest: seen for digest, seen in documents.items() if len(seen) == sizes[digest]}
        if self._path is None or not documents or found == self._known:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            files.write(self._path, json.dumps({"code": _CODE, "documents": found}))
        except OSError:
            return

    def _load(self) -> dict[str, list[Seen]]:
        try:
            found = json.loads(self._path.read_bytes()) if self._path else {}
            if found.get("code") != _CODE:
                return {}
            return {
                digest: [Seen(api_version, Key(*key), live) for api_version, key, live in seen]
                for digest, seen in found["documents"].items()
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def _declared(
        self,
        sources: Sequence[manifest.Source],
        more: Sequence[manifest.Found],
        cluster_scoped: manifest.AskScope,
        known: Mapping[str, Sequence[Seen]],
    ) -> Objects:
        declared: Objects = {}
        new: list[tuple[str, manifest.Found]] = [("", item) for item in more]
        for source in _documents(sources):
            digest = _digest("\0".join(map(str, source)).encode())
            if digest not in known:
                new += [(digest, item) for item in manifest.parse([source])]
                continue
            for key, unread in Document(source, known[digest], self._set, self._namespace).unread():
                self._put(declared, key, unread, digest)
        if declared and any(kind_of(item.obj).gk == _DEFINITION for _, item in new):
            raise _Unknown  # it may define the kinds of the known ones
        defined = {key.name.partition(".")[2] for key in declared if (key.group, key.kind) == _DEFINITION}
        asked: set[Kind] = set()

        def scopes(kinds: Collection[Kind]) -> Iterable[Kind]:
            if any(kind.group in defined for kind in kinds):
                raise _Unknown
            asked.update(kinds)
            return cluster_scoped(kinds)

        fresh = manifest.declare([item for _, item in new], self._set, self._namespace, scopes)
        for (key, obj), (digest, _) in zip(fresh.items(), new, strict=True):
            # what the API server was asked for is asked again in the next run
            self._put(declared, key, obj, "" if kind_of(obj) in asked else digest)
        return declared

    def _put(self, declared: Objects, key: Key, obj: Any, digest: str) -> None:
        if key in declared:
            raise _Unknown
        declared[key] = obj
        if digest:
            self._document_of[key] = digest


def _documents(sources: Iterable[manifest.Source]) -> Iterator[manifest.Source]:
    """Return the documents. A line ``---`` ends one wherever it stands; anything unusual is left to the parser."""
    for source in sources:
        text = source.text
        first, *others = f"\n{text}".split(_BETWEEN)
        if text.count("\n---") + text.startswith("---") != len(others) or any(mark in text for mark in _UNUSUAL):
            raise _Unknown
        yield source._replace(text=f"{first[1:]}\n" if others else text)
        for number, one in enumerate(others, 1):
            end = "\n" if number < len(others) else ""
            yield source._replace(text=f"---\n{one}{end}")  # only at its beginning may a text be JSON
