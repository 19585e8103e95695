"""Docker on a node, as states: what interrupts a Docker that runs containers waits for the node's turn.

The work is done by the execution module ``k8s_docker``.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError
from salt.state import STATE_INTERNAL_KEYWORDS
from saltk8s.base import arguments, edges

__virtualname__ = "k8s_docker"


def __virtual__():
    if "k8s_docker.configure" in __salt__:
        return __virtualname__
    return False, "the execution module k8s_docker is not loaded: run saltutil.sync_all"


def prepared(name):
    """
    The pillar's daemon.json is in place before Docker is installed, which then starts with it.

    name
        Any sentence.

    Nothing is done once Docker is installed: see ``k8s_docker.configured``. ``changes`` has the keys of daemon.json.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        Docker starts with it:
          k8s_docker.prepared
    """
    test = bool(__opts__["test"])
    return edges.state_result(
        name,
        test,
        CommandExecutionError,
        lambda: __salt__["k8s_docker.prepare"](test=test),
        "nothing is to be prepared",
    )


def configured(name, data):
    """
    Docker has the pillar's daemon.json, and runs with it; dockerd itself checked it before.

    name
        Any sentence.
    data
        The family's ``docker`` part of ``salt/k8s/os/families.yaml``.

    ``changes`` has the keys of daemon.json, old and new. While containers run and it is not the node's turn, nothing is
    changed: the state succeeds, and its comment and a warning say what waits. Result False, in test mode too: dockerd
    refuses it, or Docker would lose the images or containers that it keeps. Result False when Docker did not start with
    it and got the old one back.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        Docker is configured:
          k8s_docker.configured:
            - data: {version: "{pin}*", packages: {docker-ce: {pinned: [docker-ce]}}}
    """
    test = bool(__opts__["test"])
    waiting = []

    def call():
        done = __salt__["k8s_docker.configure"](data, test=test)
        waiting.extend(done["lines"] if done.get("waiting") else [])
        return done

    ret = edges.state_result(name, test, CommandExecutionError, call, "" if waiting else "Docker runs as declared")
    return ret | ({"comment": "\n".join(waiting), "warnings": waiting[:1]} if waiting else {})


def waiting(name, why):
    """
    Something waits for the node's turn. Succeeds without changes; the comment and a warning say what and why.

    name
        What waits.
    why
        The reason.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        Docker's packages:
          k8s_docker.waiting:
            - why: 40 containers run here, and it is not this node's turn
    """
    text = f"{name} wait, because {why}"
    return {"name": name, "changes": {}, "result": True, "comment": text, "warnings": [text.splitlines()[0]]}


arguments.guard(globals(), None, None, STATE_INTERNAL_KEYWORDS)
