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
# rke stops a container, renames it, creates the new one, starts that: it says so before it stops, and when it started
_STOPS = re.compile(r"(Stopp|Restart)ing container \[([^]]+)\] on host \[([^]]+)\]")
_STARTED = re.compile(r"Successfully (?:started|updated) \[([^]]+)\] container on host \[([^]]+)\]")
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


class Replaced:
    """Which containers rke has stopped and not started again, by its lines. ``containers``: ``NAME on HOST``.

    Ended in between, it would leave them stopped, and its next run would start the old one unchanged.
    """

    def __init__(self) -> None:
        self.containers: set[str] = set()
        self._restarted: dict[str, str] = {}  # {container: its host's words}

    def take(self, message: str) -> None:
        """Take the next line's message."""
        # of a container in a loop of restarts nothing is said: rke goes on with that host
        for name in [name for name, host in self._restarted.items() if host in message]:
            self.containers.discard(name)
            del self._restarted[name]
        if found := _STOPS.search(message):
            name = f"{found[2]} on {found[3]}"
            self.containers.add(name)
            if found[1] == "Restart":
                self._restarted[name] = f"host [{found[3]}]"
        elif found := _STARTED.search(message):
            self.containers.discard(f"{found[1]} on {found[2]}")
