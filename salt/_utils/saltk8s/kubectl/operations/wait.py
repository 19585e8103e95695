"""Run ``kubectl wait``: until objects have a condition or a field's value, or are deleted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors, program
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import assessment, summary
from saltk8s.kubectl.manifests.identity import key_of
from saltk8s.kubectl.operations import target

PAUSE_S = 0.5  # between two attempts while the objects do not exist yet
SHOWN = 10  # objects that an error names
TIMED_OUT = ("timed out", "condition not met")  # in kubectl's messages


def for_argument(condition: str | None, jsonpath: str | None, deleted: bool) -> str:
    """Return the value of kubectl's ``--for``; Invalid unless exactly one of the three is given."""
    given = [f"condition={condition}" if condition else "", _jsonpath(jsonpath), "delete" if deleted else ""]
    present = [text for text in given if text]
    if len(present) != 1:
        raise errors.Invalid("expected one of condition, jsonpath, deleted", "condition", "one is needed")
    return present[0]


def wait(kubectl: Kubectl, kind: str, chosen: Sequence[str], target_state: str, timeout_s: float) -> dict[str, Any]:
    """Wait; return ``waited_s`` and ``objects``, those that have the state (none when waiting for their deletion).

    kind: as kubectl takes it; chosen: see selection(); target_state: see for_argument(). Also waits for objects that do
    not exist yet, and goes on when the API server is away for a moment. Raises CommandTimeout with the objects'
    conditions.
    """
    begin, deletion = time.monotonic(), target_state == "delete"
    while True:
        left = timeout_s - (time.monotonic() - begin)
        try:
            kubectl.run(
                "wait",
                kind,
                *chosen,
                f"--for={target_state}",
                f"--timeout={max(0, left):.1f}s",
                "--output=name",
                what=f"wait for {kind}",
                timeout_s=max(0, left) + program.REQUEST_TIMEOUT_S,
                request_timeout_s=0,
            )
            break
        except (errors.CommandError, errors.Unreachable) as err:
            timed_out = isinstance(err, errors.CommandTimeout) or any(text in str(err) for text in TIMED_OUT)
            if not timed_out and isinstance(err, api_errors.TRANSIENT) and kubectl.cluster_exists and left > 0:
                time.sleep(min(PAUSE_S, left))
                continue
            if _missing(err):
                if deletion:
                    break
                if left > 0:
                    time.sleep(min(PAUSE_S, left))
                    continue
            elif not timed_out:
                raise
            states = _describe(_read(kubectl, kind, chosen))
            raise errors.CommandTimeout(
                f"{kind}: timed out after {timeout_s:g} s waiting for {target_state}: {states}"
            ) from err
    objects = [] if deletion else summary.of_objects(_read(kubectl, kind, chosen))
    return {"waited_s": round(time.monotonic() - begin, 1), "objects": objects}


def selection(name: str | None, selector: str | None, namespace: str | None) -> list[str]:
    """Return kubectl's arguments to select objects, by exactly one of name and selector."""
    if bool(name) == bool(selector):
        raise errors.Invalid("expected a name or a selector", "name", "one is needed")
    where = ["--namespace", target.checked_name("namespace", namespace or "default")]
    return [target.checked_name("name", name), *where] if name else ["--selector", str(selector), *where]


def _jsonpath(text: str | None) -> str:
    """Return ``.status.phase=Running`` or ``{.status.phase}=Running`` in kubectl's form."""
    if not text:
        return ""
    if text.startswith("{"):
        return f"jsonpath={text}"
    path, equals, value = text.partition("=")
    return f"jsonpath={{{path}}}{equals}{value}"


def _missing(err: errors.SaltK8sError) -> bool:
    return isinstance(err, api_errors.NotFound) or "no matching resources found" in str(err)


def _read(kubectl: Kubectl, kind: str, chosen: Sequence[str]) -> list[dict[str, Any]]:
    return kubectl.objects("get", kind, *chosen, "--ignore-not-found", what=f"get {kind}")


def _describe(objects: Sequence[dict[str, Any]]) -> str:
    texts = []
    for obj in objects[:SHOWN]:
        state = "; ".join(assessment.conditions(obj)) or assessment.assess(obj).reason or "exists"
        texts.append(f"{key_of(obj).title} ({state})")
    return ", ".join(texts) or "no such object exists"
