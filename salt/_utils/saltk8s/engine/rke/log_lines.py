"""What ``rke`` prints: which phase it is in, and which lines explain a failure."""

from __future__ import annotations

import re

from saltk8s.engine.progress import Line

_LINE = re.compile(r'level=(?P<level>\w+) msg="(?P<message>(?:[^"\\]|\\.)*)"')
_BARE = re.compile(r"level=(?P<level>\w+) msg=(?P<message>\S+)")
_PHASE = re.compile(r"\[([A-Za-z][\w/ -]*)\]")
_PHASES = {
    "dialer": "connect",
    "certificates": "certificates",
    "network": "network",
    "reconcile": "reconcile",
    "pre-deploy": "images",
    "etcd": "etcd",
    "controlplane": "controlplane",
    "worker": "worker",
    "workerplane": "worker",
    "authz": "authorization",
    "state": "state",
    "sync": "sync",
    "addons": "addons",
    "ingress": "addons",
    "dns": "addons",
    "metrics": "addons",
    "healthcheck": None,  # of the phase that it is in
}
_BAD = ("fatal", "error", "panic")
SHOWN = 12


def parse(raw: str) -> Line:
    """Return the parts of a line; a line of another form is logged unchanged, as information."""
    found = _LINE.search(raw) or _BARE.search(raw)
    if not found:
        return Line("info", raw.strip(), None)
    message = found["message"].replace('\\"', '"').replace("\\n", "\n").replace("\\t", " ")
    named = _PHASE.match(message)
    return Line(found["level"], message, _PHASES.get(named[1].lower()) if named else None)


def that_matter(output: str) -> list[str]:
    """Return the lines that explain a failed run: the last error first, then errors and warnings, each once.

    output: all that rke printed. Without any such line, its last lines.
    """
    lines = [parse(raw) for raw in output.splitlines() if raw.strip()]
    bad = [line.message for line in lines if line.level in _BAD]
    warned = [line.message for line in lines if line.level == "warning"]
    chosen = list(dict.fromkeys([*reversed(bad), *warned]))[:SHOWN]
    return chosen or [line.message for line in lines[-SHOWN:]]
