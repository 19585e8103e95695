"""Many files in one environment of Salt's Jinja: what they import is fetched and compiled once, not once a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jinja2
from saltk8s.kubectl.manifests.compiled import Compiled

ALONE = ("#jinja2:", "#!")  # a file that begins so sets options of its environment


def together(jinja: Callable[..., str], texts: Sequence[str], compiled: Compiled) -> list[str]:
    """Return the texts rendered, up to the first one that cannot be, or that needs an environment of its own.

    jinja: renders one text with Salt's Jinja, in an environment that it makes; further arguments are variables;
    compiled: what the last run compiled, to which this one's is added.
    """
    rendered: list[str] = []

    @jinja2.pass_context
    def each(context: Any) -> str:
        compiled.use_in(context.environment)
        for text in texts:
            if text.startswith(ALONE):
                break
            done = context.environment.from_string(text).render(context.get_all())
            rendered.append(done + "\n" if text.endswith("\n") else done)  # Jinja removes the last end of line
        return ""

    try:
        jinja("{{ saltk8s_each() }}", saltk8s_each=each)
    except Exception:  # whatever a template raises: the caller renders it alone, for an error that names its line
        pass
    compiled.save()
    return rendered
