"""Which cluster a public function works on: from its arguments, the pillar and the installed programs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from saltk8s.kubectl.client import servers
from saltk8s.kubectl.client.program import Kubectl

Answer = TypeVar("Answer")


def kubectl(
    functions: Mapping[str, Callable], pillar: Mapping[str, Any], kubeconfig: str | None, context: str | None
) -> Kubectl:
    """Return kubectl for the cluster that a call works on.

    functions, pillar: Salt's ``__salt__`` and ``__pillar__``; kubeconfig: path, or None for that of the pillar's
    cluster; context: name in it, or None for its own. The program is the one that the pillar installs, else the PATH's.
    kubectl's discovery cache is kept in the minion's cache folder: it saves two requests and a lot of parsing a run.
    """
    model = _model(functions, required=not kubeconfig) if not kubeconfig or "k8s" in pillar else {}
    paths = model.get("paths", {})
    installed = Path(paths["bin_dir"]) / "kubectl" if paths else None
    binary = str(installed) if installed and installed.exists() else shutil.which("kubectl") or "kubectl"
    cache = Path(functions["config.get"]("cachedir")) / "saltk8s" / "kubectl"
    api_servers = [] if kubeconfig or context else servers.of(model)
    return Kubectl(str(kubeconfig or paths["kubeconfig"]), context, binary, str(cache), api_servers=api_servers)


def _model(functions: Mapping[str, Callable], required: bool) -> Mapping[str, Any]:
    """Return the model; an invalid pillar is no error where the call names its cluster itself."""
    try:
        return functions["k8s_config.get"](secrets=True)
    except Exception:
        if required:
            raise
        return {}


def run(
    action: Callable[[Kubectl], Answer],
    functions: Mapping[str, Callable],
    pillar: Mapping[str, Any],
    kubeconfig: str | None,
    context: str | None,
) -> Answer:
    """Run an action on the cluster that a call works on.

    action: gets the Kubectl, its answer is returned; functions, pillar, kubeconfig, context: as in kubectl().
    """
    return action(kubectl(functions, pillar, kubeconfig, context))
