"""Wait for objects: until a condition holds, a field has a value, or they are gone. ``kubectl wait`` watches them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import REQUEST_TIMEOUT_S, Kubectl
from saltk8s.kubectl.health import judge, summary
from saltk8s.kubectl.manifests.identity import key_of
from saltk8s.kubectl.operations import target

PAUSE_S = 0.5  # between two looks for what is not there yet
SHOWN = 10
LATE = ("timed out", "condition not met")  # kubectl's words for it


def expression(condition: str | None, jsonpath: str | None, deleted: bool) -> str:
    """Return what to wait for as kubectl's ``--for``; Invalid unless it is exactly one thing."""
    given = [f"condition={condition}" if condition else "", _jsonpath(jsonpath), "delete" if deleted else ""]
    chosen = [text for text in given if text]
    if len(chosen) != 1:
        raise errors.Invalid("expected one of condition, jsonpath, deleted", "condition", "one is needed")
    return chosen[0]


def met(kubectl: Kubectl, kind: str, names: Sequence[str], where: str, timeout_s: float) -> dict[str, Any]:
    """Wait; return ``waited_s`` and ``objects``, those that met it (none when they were to go).

    kind: as kubectl takes it; names: arguments that choose objects (a name or a selector, and the namespace); where:
    see expression(). What is not there yet is waited for, too. Raises CommandTimeout with the state of the objects.
    """
    begin, gone = time.monotonic(), where == "delete"
    while True:
        left = timeout_s - (time.monotonic() - begin)
        try:
            kubectl.run(
                "wait",
                kind,
                *names,
                f"--for={where}",
                f"--timeout={max(0, left):.1f}s",
                "--output=name",
                what=f"wait for {kind}",
                timeout_s=max(0, left) + REQUEST_TIMEOUT_S,
                request_timeout_s=0,
            )
            break
        except errors.CommandError as err:
            if _missing(err):
                if gone:
                    break
                if left > 0:
                    time.sleep(min(PAUSE_S, left))
                    continue
            elif not isinstance(err, errors.CommandTimeout) and not any(text in str(err) for text in LATE):
                raise
            shown = _shown(_found(kubectl, kind, names))
            raise errors.CommandTimeout(f"{kind}: not within {timeout_s:g} s: {where}: {shown}") from err
    objects = [] if gone else summary.of_objects(_found(kubectl, kind, names))
    return {"waited_s": round(time.monotonic() - begin, 1), "objects": objects}


def chosen(name: str | None, selector: str | None, namespace: str | None) -> list[str]:
    """Return the kubectl arguments that choose objects by name or by selector, one of the two."""
    if bool(name) == bool(selector):
        raise errors.Invalid("expected a name or a selector", "name", "one is needed")
    where = ["--namespace", target.plain("namespace", namespace or "default")]
    return [target.plain("name", name), *where] if name else ["--selector", str(selector), *where]


def _jsonpath(text: str | None) -> str:
    """``.status.phase=Running`` or ``{.status.phase}=Running`` -> as kubectl wants it."""
    if not text:
        return ""
    if text.startswith("{"):
        return f"jsonpath={text}"
    path, equals, value = text.partition("=")
    return f"jsonpath={{{path}}}{equals}{value}"


def _missing(err: errors.SaltK8sError) -> bool:
    return isinstance(err, api_errors.NotFound) or "no matching resources found" in str(err)


def _found(kubectl: Kubectl, kind: str, names: Sequence[str]) -> list[dict[str, Any]]:
    return kubectl.objects("get", kind, *names, "--ignore-not-found", what=f"get {kind}")


def _shown(objects: Sequence[dict[str, Any]]) -> str:
    told = []
    for obj in objects[:SHOWN]:
        state = judge.of(obj)
        said = "; ".join(judge.conditions(obj)) or state.reason or "is there"
        told.append(f"{key_of(obj).title} ({said})")
    return ", ".join(told) or "nothing of it is there"
