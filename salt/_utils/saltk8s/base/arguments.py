"""The arguments of execution functions and states, checked before anything is done.

Salt hands over what it does not know when a function takes ``**kwargs``, and drops or refuses it in other places. A
misspelt ``test`` or ``prune`` must never mean its default, nor the text ``"False"`` true.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
from collections.abc import Callable, Collection, Mapping
from types import FunctionType
from typing import Any

from saltk8s.base import edges

# by the parameter's name; flags are recognised by their default, True or False, seconds by the end of their name
TEXTS = {
    "as_user",
    "condition",
    "container",
    "context",
    "group",
    "instance_uuid",
    "jsonpath",
    "kind",
    "kube_context",
    "kubeconfig",
    "name",
    "namespace",
    "resource",
    "saltenv",
    "selector",
    "set_name",
    "to",
    "unless_failed",
    "verb",
}
# lists of texts; one text is a list of one
LISTS = {
    "absent",
    "as_group",
    "kinds",
    "lines",
    "modules",
    "names",
    "release",
    "replace",
    "shared_namespaces",
    "source",
    "taints",
    "take_over",
    "unprotect",
}
OTHERS: dict[str, tuple[tuple[type, ...], str]] = {
    "objects": ((list, tuple), "a list of objects"),
    "source_hash": ((str, Mapping), "text, or a dict of texts by address"),
    "template_context": ((Mapping,), "a dict"),
}


class Refusal(Exception):
    """Arguments that are refused."""


def guard(
    module: dict[str, Any],
    invalid: type[Exception] | None,
    failed: type[Exception] | None,
    ignored: Collection[str] = (),
    as_job: bool = False,
) -> None:
    """Make the public functions of a module check their arguments first; its last line calls this.

    module: its ``globals()``; invalid, failed: Salt's errors for invalid arguments, and for what fails in an execution
    function (see edges.translated()); None in a state module, where invalid arguments are result False; ignored:
    keywords that Salt itself adds; as_job: functions that read the model, which take the pillar of now when they are
    asked for as a job (see edges.job()). Names with ``__`` before them are Salt's, too: they reach a function that
    takes ``**kwargs``, and no other.
    """
    offered = module.get("__virtualname__") or module["__name__"].rpartition(".")[2]
    aliases = module.get("__func_alias__", {})
    for name, function in list(module.items()):
        own = isinstance(function, FunctionType) and function.__module__ == module["__name__"]
        if own and not name.startswith("_"):
            label = f"{offered}.{aliases.get(name, name)}"
            module[name] = _guarded(function, label, invalid, failed, ignored, as_job)


def _guarded(
    function: FunctionType,
    label: str,
    invalid: type[Exception] | None,
    failed: type[Exception] | None,
    ignored: Collection[str],
    as_job: bool,
) -> Callable[..., Any]:
    signature = inspect.signature(function)
    bind, refusal, translated, job = _bound, Refusal, edges.translated, edges.job  # in the closure: see below

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            given = bind(signature, label, args, kwargs, ignored)
        except refusal as err:
            if invalid is not None:
                raise invalid(str(err)) from None
            name = kwargs.get("name", args[0] if args else label)
            return {"name": name, "changes": {}, "result": False, "comment": str(err)}
        if failed is None:
            return function(**given)
        with translated(failed), job(function.__globals__["__context__"] if as_job else {}, kwargs):
            return function(**given)

    # With the module's own globals: Salt puts __env__ and __running__ there, into those of the function that it calls.
    made = FunctionType(call.__code__, function.__globals__, function.__name__, None, call.__closure__)
    functools.update_wrapper(made, function)
    del made.__wrapped__  # type: ignore[attr-defined]  # Salt would look at that one's parameters
    made.__signature__ = _open(signature)  # type: ignore[attr-defined]  # any function may have one
    return made


def _open(signature: inspect.Signature) -> inspect.Signature:
    """Return the signature with ``**kwargs``: else Salt drops or refuses unknown names in its own ways."""
    parameters = list(signature.parameters.values())
    if _takes_any(signature):
        return signature
    return signature.replace(parameters=[*parameters, inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)])


def _takes_any(signature: inspect.Signature) -> bool:
    return any(one.kind is one.VAR_KEYWORD for one in signature.parameters.values())


def _bound(
    signature: inspect.Signature,
    label: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    ignored: Collection[str],
) -> dict[str, Any]:
    """Return the arguments by name, checked; raises Refusal."""
    known = {name: one for name, one in signature.parameters.items() if one.kind is not one.VAR_KEYWORD}
    unknown = [name for name in kwargs if name not in known and not name.startswith("__") and name not in ignored]
    if unknown:
        raise Refusal("\n".join(_unknown(label, name, known) for name in unknown))
    by_name = {name: value for name, value in kwargs.items() if name in known}
    try:
        given = signature.bind(*args, **by_name).arguments
    except TypeError as err:
        raise Refusal(f"{label}: {err}") from None
    salts = {name: value for name, value in kwargs.items() if name.startswith("__")} if _takes_any(signature) else {}
    return {name: _checked(label, _form(name, known), known[name], value) for name, value in given.items()} | salts


def _form(name: str, known: Collection[str]) -> str:
    """Return the name under which a parameter's form is known: states call the templates' variables ``context``."""
    return "template_context" if name == "context" and "kube_context" in known else name


def _unknown(label: str, name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name.lower()[:64], known, n=2)
    advice = f"did you mean {' or '.join(close)}?" if close else f"it takes {', '.join(known) or 'no argument'}"
    return f"{label} has no argument {name!r}, nothing was done: {advice}"


def _checked(label: str, form: str, parameter: inspect.Parameter, value: Any) -> Any:
    """Return the value, a single text for a list as a list; raise Refusal for a value of another type."""
    name, default = parameter.name, parameter.default
    if value is None and default is None:
        return None
    if isinstance(default, bool):
        return _unless(not isinstance(value, bool), label, name, value, "True or False")
    if name.endswith("_s"):
        return _unless(not _is_seconds(value), label, name, value, "a number of seconds")
    if form in OTHERS:
        types, expected = OTHERS[form]
        return _unless(not isinstance(value, types), label, name, value, expected)
    if form in LISTS and value is not None:
        items = [value] if isinstance(value, str) else value
        listed = isinstance(items, (list, tuple)) and all(isinstance(item, str) for item in items)
        return _unless(not listed, label, name, items, "a list of texts")
    if form in TEXTS and isinstance(value, (bool, float)):
        raise Refusal(f"{label}: {name}: got {value!r}, which YAML made of it; expected text: put it in quotes")
    if form in TEXTS and not isinstance(value, (str, int, type(None))):
        raise Refusal(f"{label}: {name}: got {value!r}; expected text")
    return str(value) if form in TEXTS and isinstance(value, int) else value


def _unless(wrong: bool, label: str, name: str, value: Any, expected: str) -> Any:
    if wrong:
        raise Refusal(f"{label}: {name}: got {value!r}; expected {expected}")
    return value


def _is_seconds(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and 0 <= float(value) < math.inf
    except (TypeError, ValueError):
        return False
