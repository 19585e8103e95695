"""Scalars of YAML as kubectl resolves them: YAML 1.1 without numbers in base 60, with octal numbers of YAML 1.2.

The rules are those of https://github.com/kubernetes-sigs/yaml (goyaml.v2), with which kubectl turns YAML into JSON.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import math
import re
import struct
from typing import Any

from saltk8s.kubectl.manifests.json_data import number

_PREFIX = "tag:yaml.org,2002:"
MERGE = f"{_PREFIX}merge"


def _cases(*words: str) -> list[str]:
    return [form for word in words for form in (word, word.capitalize(), word.upper())]


_WORDS: dict[str, Any] = (
    dict.fromkeys(_cases("y", "yes", "true", "on"), True)
    | dict.fromkeys(_cases("n", "no", "false", "off"), False)
    | dict.fromkeys(["", "~", *_cases("null")])
    | dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan)
    | {f"{sign}{word}": float(f"{sign}inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")}
)
_NUMERIC = frozenset("+-.0123456789")  # what a number begins with
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|0[oO]?(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*))"
)
_SIGN_INSIDE = re.compile(r"0b([-+][01]+)")
_BASES = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_FRACTION = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?:[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2}))"
    r"|(?: ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.[0-9]+)?))?"
)


def resolve(text: str, tag: str | None, plain: bool) -> Any:
    """Return what a scalar means, as YAML has it. ``plain``: without quotes and without a tag.

    Raises ValueError: a tag that does not fit.
    """
    return _resolved(text) if plain and tag is None else _tagged(text, tag)


def as_value(found: Any) -> Any:
    """Return what a resolved scalar is in JSON. Raises ValueError for what JSON cannot say."""
    return number(found) if type(found) in (int, float) else found


def as_key(found: Any) -> str:
    """Return the name that a resolved scalar is as a key in JSON. Raises ValueError."""
    if isinstance(found, str):
        return found
    if found is None:
        raise ValueError("a key that is empty or null: quote it")
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float):
        return _float_key(found)
    if not isinstance(found, int):
        raise ValueError("a key that is a map or a list")
    if found >= 2**63:
        raise ValueError("a key that is a number beyond 64 bits: quote it")
    return str(found)


def _resolved(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text  # most of them
    if text[0] == ".":
        return _float(text, text, _FRACTION)
    digits = text.replace("_", "")
    found = _integer(digits)
    return _float(text, digits, _FLOAT) if found is None else found


def _integer(text: str) -> int | None:
    match = _INTEGER.fullmatch(text)
    if not match:
        inside = _SIGN_INSIDE.fullmatch(text)  # 0b-1, which Go reads
        return int(inside[1], 2) if inside and len(inside[1]) <= 64 else None
    base = match.lastgroup or ""
    digits = match[base]
    if len(digits.lstrip("0")) > 64:
        return None
    found = int(digits, _BASES[base])
    if match["sign"]:
        found = -found if match["sign"] == "-" else found
        return found if -(2**63) <= found < 2**63 else None
    return found if found < 2**64 else None


def _float(text: str, digits: str, form: re.Pattern[str]) -> float | str:
    if form.fullmatch(digits):
        found = float(digits)
        if math.isfinite(found):
            return found
    return text


def _tagged(text: str, tag: str | None) -> Any:
    """Return what a scalar means that is quoted or has a tag: a tag that kubectl does not know leaves text."""
    name = tag.removeprefix(_PREFIX) if tag and tag.startswith(_PREFIX) else ""
    if name == "binary":
        return _binary(text)
    if name not in ("bool", "int", "float", "null", "timestamp"):
        return text
    found = _resolved(text)
    if name == "timestamp" and isinstance(found, str) and _is_timestamp(found):
        return found
    if name == "float" and type(found) is int and found < 2**63:
        return float(found)
    if {bool: "bool", int: "int", float: "float", type(None): "null"}.get(type(found)) != name:
        raise ValueError(f"not what its tag !!{name} says")
    return found


def _binary(text: str) -> str:
    try:
        return base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise ValueError("!!binary that is not text: use binaryData of a ConfigMap or data of a Secret") from None


def _is_timestamp(text: str) -> bool:
    match = _DATE.fullmatch(text)
    if not match:
        return False
    year, month, day, *time = (int(part) for part in match.groups() if part)
    try:
        hour, minute, second = time or (0, 0, 0)
        datetime.datetime(year, month, day, hour, minute, second)
    except ValueError:
        return False
    return True


def _float_key(found: float) -> str:
    """Return a floating point number as kubectl writes it in a key: the shortest digits of a 32-bit number."""
    if math.isnan(found):
        return ".nan"
    try:
        (short,) = struct.unpack("f", struct.pack("f", found))
    except OverflowError:
        short = math.copysign(math.inf, found)
    if math.isinf(short):
        return ".inf" if short > 0 else "-.inf"
    for precision in range(17):
        text = f"{short:.{precision}e}"
        if struct.pack("f", float(text)) == struct.pack("f", short):
            break
    mantissa, exponent = text.split("e")
    if -4 <= int(exponent) < 6:
        return f"{short:.{max(precision - int(exponent), 0)}f}"
    return f"{mantissa}e{exponent}"
