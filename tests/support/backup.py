"""An admin whose cluster is the tests' API server, with a backup engine's objects applied; engines that are played."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import services
from tests.support.apiserver import ApiServer
from tests.support.salt import Minion


@contextmanager
def admin(folder: Path, apiserver: ApiServer, patch: dict) -> Iterator[Minion]:
    """Yield the admin minion after it applied the service; patch: laid over the example's ``k8s``."""
    state_dir = folder / "state"
    state_dir.mkdir()
    shutil.copy(apiserver.kubeconfig, state_dir / "kube_config_cluster.yml")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{Path(apiserver.kubectl_path).parent}{os.pathsep}{before}"
    try:
        tree = services.tree("backup", {"patch": patch}, state_dir)
        minion = Minion(folder / "minion", tree["cluster"]["admin"], pillar={"k8s": tree})
        given = services.declared(minion, "backup") | {"wait": False}
        answer = minion.state("kubectl.applied", "backup", **given)
        assert answer["result"], answer["comment"]
        yield minion
    finally:
        os.environ["PATH"] = before


@contextmanager
def played(apiserver: ApiServer, kind: str, namespace: str, status: dict) -> Iterator[None]:
    """Give every object of a kind that has no status this one, as an engine would."""
    done = threading.Event()

    def play() -> None:
        while not done.wait(0.2):
            for obj in (apiserver.get(kind, "-n", namespace) or {"items": []})["items"]:
                if not obj.get("status"):
                    name = obj["metadata"]["name"]
                    words = ["patch", kind, name, "-n", namespace, "--type=merge", "-p", json.dumps({"status": status})]
                    apiserver.kubectl(*words, *(["--subresource=status"] if kind.endswith("k8up.io") else []))

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(10)
