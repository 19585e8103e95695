"""Sets that meet faults."""

from __future__ import annotations

import re
import time

import pytest
from salt.exceptions import CommandExecutionError
from tests.support import kubectl as objects

NOISE = re.compile(r"goroutine|memcache\.go|^[EWIF]\d{4} |Traceback|Unhandled Error|localhost:8080", re.MULTILINE)
PATIENCE_S = 60


class AppliedSet:
    """A set of objects, and ways to apply it."""

    def __init__(self, minion, server, name, *declared):
        self._minion, self._server, self.name, self.declared = minion, server, name, list(declared)

    def run(self, kubeconfig=None, **kwargs):
        """Apply it as a state does."""
        kwargs = {"kubeconfig": str(kubeconfig or self._server.kubeconfig), "wait": False} | kwargs
        return self._minion.state("kubectl.applied", self.name, objects=self.declared, **kwargs)

    def fails(self, code, text, kubeconfig=None, **kwargs):
        """Apply it; it has to fail with one clear error of that code. Returns the error: details, and changes."""
        kwargs = {"kubeconfig": str(kubeconfig or self._server.kubeconfig), "wait": False} | kwargs
        with pytest.raises(CommandExecutionError) as raised:
            self._minion.call("kubectl.apply", self.name, objects=self.declared, **kwargs)
        message = str(raised.value)
        assert text in message and not NOISE.search(message), message
        assert len(message.splitlines()) == 1, message
        assert raised.value.details["error"] == code, raised.value.details
        return raised.value

    def recovers(self):
        """The fault is gone: the next run does the rest, and the one after that nothing. Returns what it did."""
        answer = self.run()
        assert answer["result"] is True, answer["comment"]
        objects.check_unchanged(self._server, self.run)
        for obj in self.declared:
            assert self._server.get(obj["kind"], obj["metadata"]["name"], *namespace_of(obj)) is not None
        return answer["changes"]


def namespace_of(obj):
    return ["-n", obj["metadata"]["namespace"]] if "namespace" in obj["metadata"] else []


def titles(*names, namespace="default"):
    return {f"ConfigMap {namespace}/{name}" for name in names}


def until(condition, what):
    """Wait for a condition, bounded."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.05)
