"""The schema of ``k8s:locations``: storage outside the cluster that backups are written to, by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.types import Key, Map, Report, Section, Text, suggestion

Endpoint = Text(
    "an S3 endpoint: https://host[:port], without a path", r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?", doc="URL"
)
Bucket = Text(
    "a bucket's name: 3 to 63 lower-case letters, digits, dots and dashes",
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    doc="bucket",
)
Folder = Text(
    "a folder without / at its ends, such as k8s/osug",
    r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*",
    test=lambda text: not {".", ".."} & set(text.split("/")),
    doc="folder",
)

_S3 = Section(
    {
        "endpoint": Key(Endpoint, "The S3 server.", True, "https://s3.osug.example"),
        "bucket": Key(Bucket, "The bucket; it has to exist.", True, "k8s"),
        "region": Key(values.Word, "The S3 region."),
        "prefix": Key(Folder, "Folder in the bucket, when others use it too.", example="osug"),
        "access_key": Key(values.password("admin"), "The access key; the admin only."),
        "secret_key": Key(values.password("admin"), "The secret of the access key; the admin only."),
        "ca": Key(values.Certificate, "The server's CA certificate, in PEM."),
    },
    optional=True,
)

_NFS = Section(
    {
        "server": Key(values.Host, "The NFS server.", True, "nas1.osug.example"),
        "path": Key(values.AbsolutePath, "The path that it exports.", True, "/export/backup"),
    },
    optional=True,
)

LOCATIONS = Map(
    values.DnsLabel,
    Section({"s3": Key(_S3, "A bucket of an S3 server."), "nfs": Key(_NFS, "A folder of an NFS server.")}),
)


def find(model: dict[str, Any], name: str | None, path: tuple, report: Report, kinds: Collection[str]) -> Any:
    """Return the location that the value at a path names; None and a problem when there is none of these kinds.

    name: the value; kinds: the kinds that are supported, "s3" or "nfs".
    """
    known = model["locations"] or {}
    if not name or report.has_problem_at(*path) or report.has_problem_at("k8s", "locations"):
        return None
    if name not in known:
        return report.add(path, f"a location of k8s:locations{suggestion(name, known)}", repr(name))
    if not any(known[name][kind] for kind in kinds):
        return report.add(path, f"a location with {' or '.join(kinds)}", f"{name!r}, which has none")
    return known[name]


def is_shared(model: dict[str, Any], report: Report, name: str | None, other: str | None) -> bool:
    """Return whether one location can be read with what the other's users have: its key, or the folder itself.

    Two names of one server are not recognised; keys are compared on the minion that has them, decrypted.
    """
    known = model["locations"] or {}
    if name not in known or other not in known:
        return False
    one, two = known[name], known[other]
    if one["s3"] and two["s3"]:
        key = None if report.encrypted else one["s3"]["access_key"]
        return bool(key and key == two["s3"]["access_key"]) or _nested(_folder(one["s3"]), _folder(two["s3"]))
    if one["nfs"] and two["nfs"]:
        return _nested(*((place["server"], *(place["path"] or "").split("/")) for place in (one["nfs"], two["nfs"])))
    return False


def _folder(s3: dict[str, Any]) -> tuple[Any, ...]:
    """Return server, bucket and folders of an S3 location."""
    url = urlsplit(s3["endpoint"] or "")
    port = url.port or {"https": 443, "http": 80}.get(url.scheme)
    return (url.hostname, port, s3["bucket"], *(s3["prefix"].split("/") if s3["prefix"] else ()))


def _nested(one: tuple[Any, ...], two: tuple[Any, ...]) -> bool:
    length = min(len(one), len(two))
    return one[:length] == two[:length]


def _one_kind(model: dict[str, Any], report: Report) -> None:
    """A location is one place."""
    for name, location in (model["locations"] or {}).items():
        path = ("k8s", "locations", name)
        given = [kind for kind in ("s3", "nfs") if location[kind]]
        if len(given) != 1 and not report.has_problem_at(*path):
            report.add(path, "either s3 or nfs", " and ".join(given) or "none")


RULES = (_one_kind,)
