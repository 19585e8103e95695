"""What execution and state modules have in common: our errors as Salt's, the pillar that a job reads, a state's answer
in both modes, events.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

from saltk8s.base import errors

SHOWN_LINES = 30  # of a state's comment
EVENT_FAILURES = 2  # in a row
_JOB, _COMPILED = "saltk8s.job", "saltk8s.job.pillar"  # keys of a loader's context

log = logging.getLogger(__name__)


@contextmanager
def translated(edge: type[Exception]) -> Iterator[None]:
    """Raise our errors, and those of the operating system, as ``edge`` (Salt's), with the same text.

    What is raised has ``details`` (a dict that says which error it was) and ``changes`` (what was done before it).
    """
    try:
        yield
    except errors.SaltK8sError as err:
        raised: Any = edge(str(err))
        raised.details = err.details()
        raised.changes = err.details().get("changes", {})
        raise raised from err
    except OSError as err:
        where = " -> ".join(str(name) for name in (err.filename, err.filename2) if name is not None)
        raised = edge(": ".join(part for part in (err.strerror or str(err), where) if part))
        raised.details, raised.changes = {"error": "failed"}, {}
        raise raised from err


@contextmanager
def job(context: MutableMapping[str, Any], kwargs: Mapping[str, Any]) -> Iterator[None]:
    """Note in the context of a module's loader, as long as a function runs, that somebody asked for it as a job.

    kwargs: of the function, with the ``__pub_`` words that Salt adds for a job. Jobs of the minion's schedule are not
    noted: they go on without the master, with the pillar in memory.
    """
    jid = kwargs.get("__pub_jid")
    if not jid or "__pub_schedule" in kwargs or _JOB in context:
        yield
        return
    context[_JOB] = jid
    try:
        yield
    finally:
        context.pop(_JOB, None)
        context.pop(_COMPILED, None)


def pillar_of_job(
    context: MutableMapping[str, Any], opts: Mapping[str, Any], compile_it: Callable[[], Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """Return the pillar as the master has it now for a job, compiled once in it; None when the one in memory is meant.

    A state run has compiled its own, and so has ``salt-call``. context: the module's; opts: the minion's; compile_it:
    see compiled().
    """
    if _JOB not in context or opts.get("__cli") == "salt-call" or opts.get("file_client") == "local":
        return None
    if _COMPILED not in context:
        context[_COMPILED] = compile_it()
    return context[_COMPILED]


def compiled(
    get_pillar: Callable[..., Any], opts: Mapping[str, Any], grains: Mapping[str, Any], error: type[Exception]
) -> Mapping[str, Any]:
    """Return this minion's pillar, compiled anew: what is in memory is as old as the last refresh.

    get_pillar: ``salt.pillar.get_pillar``; opts, grains: the minion's; error: Salt's, raised when the pillar could not
    be rendered.
    """
    source = get_pillar(opts, dict(grains), opts["id"], opts.get("saltenv"), pillarenv=opts.get("pillarenv"))
    found = source.compile_pillar()
    if found.get("_errors"):
        raise error("the pillar could not be rendered, nothing was done: the master's log says why")
    return found


def state_result(
    name: str,
    test: bool,
    error: type[Exception],
    call: Callable[[], Mapping[str, Any]],
    unchanged: str = "",
    max_lines: int | None = SHOWN_LINES,
) -> dict[str, Any]:
    """Call an execution function once, in either mode, and return what a state returns.

    name: the state's; test: Salt's ``test``; error: what the function raises; call: returns ``changes``, ``lines`` (the
    same as text), perhaps ``obstacles`` (why the real run would be refused) and ``waits`` (whether it would wait for
    what is not healthy now, and perhaps fail: then test mode does not say True); unchanged: first line of the comment
    when there is nothing to change and to wait for; max_lines: of the comment, None for all. The ``changes`` of a run
    that failed half-way are what it did.
    """
    ret: dict[str, Any] = {"name": name, "changes": {}, "result": True, "comment": ""}
    try:
        done = call()
    except error as err:
        lines = [str(err), *getattr(err, "lines", ())]
        return ret | {"result": False, "changes": getattr(err, "changes", {}), "comment": comment(lines, max_lines)}
    if done.get("obstacles"):
        return ret | {"result": False, "comment": comment(done["obstacles"], max_lines)}
    waits = bool(done.get("waits"))
    head = [unchanged] if unchanged and not done["changes"] and not waits else []
    result = None if test and (done["changes"] or waits) else True
    return ret | {"changes": done["changes"], "result": result, "comment": comment([*head, *done["lines"]], max_lines)}


def comment(lines: Sequence[str], max_lines: int | None = SHOWN_LINES) -> str:
    """Return lines as a state's comment: at most ``max_lines`` of them, and how many more there are."""
    more = len(lines) - max_lines if max_lines is not None else 0
    return "\n".join(lines if more <= 0 else [*lines[:max_lines], f"and {more} more"])


def sender(salt: Mapping[str, Callable[..., Any]], prefix: str) -> Callable[[str, Mapping[str, Any]], None]:
    """Return a function that sends events, called with the end of the tag and the data.

    An event must never decide how a run ends, nor slow it down: after some in a row fail, no more are tried.
    salt: the module's ``__salt__``; prefix: the beginning of the tags.
    """
    failures = 0

    def send(phase: str, data: Mapping[str, Any]) -> None:
        nonlocal failures
        if failures >= EVENT_FAILURES:
            return
        tag = f"{prefix}/{phase}"
        try:
            sent = salt["event.send"](tag, data)
        except Exception as err:  # noqa: BLE001
            log.debug("event %s: %s", tag, err)
            sent = False
        failures = 0 if sent else failures + 1

    return send
