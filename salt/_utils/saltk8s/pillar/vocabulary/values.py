"""The values with a form of their own: names, versions, images, keys, durations."""

from __future__ import annotations

import base64
import binascii
import re
import struct

from saltk8s.pillar.vocabulary.types import Map, Secret, Text, parse_or_none

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
DNS = rf"{_LABEL}(?:\.{_LABEL})*"
_PEM_CERTIFICATE = r"\s*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+"
_PEM_KEY = r"\s*-----BEGIN ((?:OPENSSH |RSA |EC )?PRIVATE KEY)-----([A-Za-z0-9+/=\s]+)-----END \1-----\s*"
_VERSION = re.compile(r"v(\d{1,4})\.(\d{1,4})\.(\d{1,4})")
_KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")

SECONDS = {"m": 60, "h": 3600, "d": 86400}

ClusterName = Text("a name of lower-case letters, digits and dashes, at most 40", r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
DnsLabel = Text("lower-case letters, digits and dashes, at most 63 (a DNS label)", _LABEL, 63, doc="DNS label")
DnsName = Text("lower-case letters, digits, dashes and dots (a DNS name)", DNS, 253, doc="DNS name")
MinionId = Text(
    "a minion id: letters, digits, dots, dashes, underscores", r"[A-Za-z0-9][A-Za-z0-9._-]*", 253, doc="minion id"
)
HostPattern = Text(
    "a host name, or *. and a domain for every name in it", rf"(?:\*\.)?{DNS}", 253, doc="host name or `*.domain`"
)
Host = Text("a host name or an IPv4 address", rf"(?i:{DNS})", 253, doc="host name or address")
Word = Text("a name of letters, digits, dots, dashes and underscores", r"[A-Za-z0-9][A-Za-z0-9._-]*", 128, doc="name")
UserName = Text("a login name", r"[a-z_][a-z0-9_-]{0,31}", doc="login name")
Interface = Text("a network interface's name", r"[A-Za-z0-9][A-Za-z0-9._@-]{0,14}", doc="interface")
AbsolutePath = Text(
    "an absolute path other than /",
    r"/[A-Za-z0-9._+-]+(/[A-Za-z0-9._+-]+)*",
    test=lambda text: not {".", ".."} & set(text.split("/")),
    doc="absolute path",
)
Duration = Text("a duration: a number and m, h or d, such as 6h", r"[1-9]\d{0,6}[mhd]", doc="duration")
TimeOfDay = Text("a time of day in quotes, such as '02:00'", r"([01]\d|2[0-3]):[0-5]\d", doc="time of day")
Size = Text("a size: a number and k, m or g, such as 10m", r"[1-9]\d{0,6}[kmg]", doc="size")
Fingerprint = Text(
    "a SHA-256 fingerprint: 32 pairs of hexadecimal digits with colons between them",
    r"[0-9a-f]{2}(:[0-9a-f]{2}){31}",
    doc="fingerprint",
)
Cpu = Text(
    "cores: thousandths such as 250m, or in quotes a number such as '1.5'",
    r"[1-9]\d{0,5}m|[1-9]\d{0,2}(\.\d{1,3})?|0\.\d{0,2}[1-9]",
    doc="cores",
)
Memory = Text("an amount of memory or disk such as 256Mi or 2Gi", r"[1-9]\d{0,6}(Ki|Mi|Gi|Ti)", doc="amount")
Sha256 = Text("a SHA-256 checksum: 64 hexadecimal digits", r"[0-9a-fA-F]{64}", doc="SHA-256")
Sysctl = Text("a sysctl's name such as vm.max_map_count", r"[a-z0-9_]+([./][A-Za-z0-9_*-]+)+", doc="sysctl")
KernelModule = Text("a kernel module's name", r"[A-Za-z0-9_-]{1,64}", doc="kernel module")
Package = Text("a package's name", r"[A-Za-z0-9][A-Za-z0-9.+_:-]*", 128, doc="package")
FlagName = Text("a flag's name without dashes in front", r"[a-z0-9][A-Za-z0-9-]*", 128, doc="flag")
Url = Text("a URL such as https://mirror.example/debian", r"https?://[^\s/?#@]+(/\S*)?", doc="URL")
Source = Text(
    "an absolute path, or a salt://, http:// or https:// URL, without a password in it",
    r"(/|salt://|https?://(?![^/\s]*@))\S+",
    doc="path or URL",
)
SaltSource = Text("a salt:// URL or an absolute path", r"(salt://|/)[^\s]+", doc="salt:// URL or path")
RegistryUrl = Text(
    "host[:port][/path] without https:// in front",
    r"[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?(/[a-z0-9._-]+)*",
    doc="host[:port][/path]",
)
Certificate = Text("one or more PEM certificates", _PEM_CERTIFICATE, 262144, doc="PEM")
LabelKey = Text(
    "a label's name: [DNS name/]letters, digits, dots, dashes, underscores, at most 63",
    rf"({DNS}/)?[A-Za-z0-9]([A-Za-z0-9._-]{{0,61}}[A-Za-z0-9])?",
    317,
    doc="label",
)
LabelValue = Text(
    "a label's value: at most 63 letters, digits, dots, dashes, underscores (in quotes when it looks like a number)",
    r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?",
    63,
    doc="text",
)
Labels = Map(LabelKey, LabelValue)
Taint = Text(
    "a taint: key=value:Effect or key:Effect, Effect being NoSchedule, PreferNoSchedule or NoExecute",
    rf"({DNS}/)?[A-Za-z0-9]([A-Za-z0-9._-]{{0,61}}[A-Za-z0-9])?(=([A-Za-z0-9]([A-Za-z0-9._-]{{0,61}}[A-Za-z0-9])?)?)?"
    r":(NoSchedule|PreferNoSchedule|NoExecute)",
    400,
    doc="taint",
)
ReleaseVersion = Text("a pinned version such as v1.32.6", r"v\d{1,4}\.\d{1,4}\.\d{1,4}", doc="pinned version")
PackageVersion = Text(
    "a pinned version, or a prefix of one, such as 5:27.5", r"\d[0-9A-Za-z.+:~-]*", 128, doc="pinned version"
)


def version(text: str) -> tuple[int, int, int] | None:
    """Return ``v1.32.6[-rest]`` as three numbers, None when it is no version."""
    found = _VERSION.match(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def minor_steps(old: str, new: str) -> int | None:
    """Return how many minor versions lie between two versions, below zero when the new one is older.

    None when one of them is no version, or when they differ in the major version.
    """
    before, after = version(old), version(new)
    return after[1] - before[1] if before and after and before[0] == after[0] else None


def seconds(text: str) -> int:
    """Return a duration such as ``6h`` in seconds."""
    return int(text[:-1]) * SECONDS[text[-1]]


def _is_pinned_image(text: str) -> bool:
    reference, _, digest = text.partition("@")
    if "@" in text:
        return re.fullmatch(r"sha256:[0-9a-f]{64}", digest) is not None
    tag = reference.rpartition("/")[2].partition(":")[2]
    return bool(tag) and tag != "latest"


def image(*versions: str) -> Text:
    """Return the type of a pinned image. versions: keys beside it whose values its tag may hold, as ``{version}``."""
    expected = "an image with a tag other than latest, or with a digest"
    if versions:
        expected += f"; its tag may hold {' and '.join(f'{{{key}}}' for key in versions)}"
    inserted = "".join(rf"|\{{{key}\}}" for key in versions)
    return Text(
        expected,
        r"(?:[A-Za-z0-9.-]+(?::\d{1,5})?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
        rf"(?::(?:[A-Za-z0-9_]{inserted})(?:[A-Za-z0-9_.-]{inserted}){{0,127}})?(?:@[a-z0-9:]+)?",
        400,
        test=_is_pinned_image,
        doc="pinned image",
    )


Image = image()


def public_blob(text: str) -> bytes | None:
    """Return what an ``authorized_keys`` line holds between its type and its comment, None when it is not valid."""
    words = text.split()
    if len(words) < 2 or words[0] not in _KEY_TYPES:
        return None
    blob = parse_or_none(lambda word: base64.b64decode(word, validate=True), words[1])
    name = words[0].encode()
    return blob if blob and blob.startswith(struct.pack(">I", len(name)) + name) else None


def private_blob(text: str) -> bytes | None:
    """Return the public half that a private key in OpenSSH's own format carries.

    None when the format is another one (which is not parsed here), empty when the key is invalid or protected by a
    passphrase, which cannot be entered.
    """
    found = re.fullmatch(_PEM_KEY, text)
    if not found:
        return b""
    try:
        raw = base64.b64decode("".join(found[2].split()), validate=True)
        if found[1] != "OPENSSH PRIVATE KEY":
            return None if raw[:1] == b"\x30" else b""
        return _openssh_public(raw)
    except (binascii.Error, struct.error, ValueError):
        return b""


def _openssh_public(raw: bytes) -> bytes:
    magic = b"openssh-key-v1\0"
    if not raw.startswith(magic):
        return b""
    fields, at = [], len(magic)
    for _ in range(3):
        (length,) = struct.unpack_from(">I", raw, at)
        fields.append(raw[at + 4 : at + 4 + length])
        at += 4 + length
    keys, length = struct.unpack_from(">II", raw, at)
    return raw[at + 8 : at + 8 + length] if keys == 1 and fields[0] == b"none" else b""


PublicKey = Text(
    "a public SSH key as in authorized_keys: type, key, comment",
    r"[^\x00-\x1f]+",
    16384,
    test=lambda text: public_blob(text) is not None,
    doc="public SSH key",
)


def _key_lines(text: str) -> str:
    """Return a key as ssh reads it: no blanks around its lines, and a line break at its end."""
    return "".join(f"{line.strip()}\n" for line in text.strip().splitlines())


def private_key(role: str) -> Secret:
    """Return the type of a private SSH key; role: the minion that needs it."""
    return Secret(
        role,
        "a private SSH key in PEM or OpenSSH format, without passphrase",
        doc="secret: private SSH key",
        pattern=r"[\x09-\x7e]+",
        longest=65536,
        test=lambda text: private_blob(text) != b"",
        normal=_key_lines,
    )


def pem_text(role: str, expected: str, doc: str) -> Secret:
    """Return the type of a secret in PEM's form, or one like it, of several lines; role: the minion that needs it."""
    return Secret(role, expected, doc=doc, pattern=r"[\x0a\x20-\x7e]*-----BEGIN [\x0a\x20-\x7e]+", longest=65536)


def password(role: str) -> Secret:
    """Return the type of a password; role: the minion that needs it."""
    return Secret(role, "a secret text on one line, not empty", pattern=r"[^\x00-\x1f\x7f]+", doc="secret")
