"""The peer of an unchanged run: the LISTs that it takes, decoded, and nothing else."""

from __future__ import annotations

from saltk8s.base import memory
from saltk8s.kubectl.client import access
from saltk8s.kubectl.sets.prefetch import Prefetch


def read(name, kubeconfig):
    """
    Read a set as kubectl.applied reads it: the same requests, through the same kubectl, decoded by the same decoder.

    name
        Name of a set that kubectl.applied has applied on this minion.
    kubeconfig
        Path of the kubeconfig.
    """
    with memory.uncollected():
        prefetch = Prefetch(access.kubectl(__salt__, __pillar__, kubeconfig, None), name)
        count = len([answer.result() for answer in prefetch.answers(prefetch.guess)])
    assert count, "no set was applied on this minion"
    return {"name": name, "changes": {}, "result": True, "comment": f"{count} answers"}
