"""Orchestrations compiled as a master does it, from what the minions say; their answers are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import salt.loader
from tests.support.salt import FORMULAS

_SALTUTIL = """
def is_running(fun):
    return []


def cmd(tgt, fun, arg=(), *args, **kwargs):
    names = tgt if isinstance(tgt, list) else [tgt]
    answers = __opts__["answers"].get(fun, {})
    return {name: answers[name] for name in names if name in answers}
"""
ADMIN = "k8s-admin"


def compiler(loaders: Callable[..., Any], folder: Path, sls: str) -> Callable[..., dict[str, dict[str, Any]]]:
    """Return a function that compiles an orchestration: its states by id, in their order.

    loaders: the fixture; folder: an empty one; sls: the orchestration. The function takes answers ({function: {minion:
    {"retcode", "ret"}}}; a minion without one does not answer), test, and the pillar of the call.
    """
    modules = folder / "more"
    (modules / "modules").mkdir(parents=True)
    (modules / "modules" / "saltutil.py").write_text(_SALTUTIL)
    minion = loaders(ADMIN, pillar={"admin": ADMIN}, module_dirs=[str(modules), str(FORMULAS)])

    def compiled(answers: Mapping[str, Any], test: bool = False, **pillar: Any) -> dict[str, dict[str, Any]]:
        minion.opts |= {"answers": answers, "pillar": {"admin": ADMIN} | pillar, "test": test}
        minion.context.clear()
        minion.modules = salt.loader.minion_mods(minion.opts, utils=minion.utils, context=minion.context)
        chunks = minion.modules["state.show_low_sls"](sls)
        assert all(isinstance(chunk, dict) for chunk in chunks), chunks
        return {chunk["__id__"]: chunk for chunk in sorted(chunks, key=lambda chunk: chunk["order"])}

    return compiled
