"""The API server of the measurements: emptied between them, read after them, its audit log counted.

There are no controllers, so what they would do for a deleted namespace is done here. None of these requests is counted.
"""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
from bench import audit
from bench.manifests import CHANGE, Key, Object
from support.apiserver import ADMIN_TOKEN, ApiServer

METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
THREADS = 8
DELETED_S = 300
REQUEST_S = 120
VALID_S = 24 * 3600
LAST = ("CustomResourceDefinition", "Namespace")  # deleted when nothing needs them any more
FIRST = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")  # they would refuse the rest


class Live:
    """The live objects: by key the resource version and the value of the benchmark's annotation."""

    def __init__(self) -> None:
        self.versions: dict[Key, str] = {}
        self.changes: dict[Key, str] = {}

    def differing(self, before: Live) -> int:
        """How many objects are new, deleted or have another resource version than before."""
        keys = self.versions.keys() | before.versions.keys()
        return sum(self.versions.get(key) != before.versions.get(key) for key in keys)


class Cluster:
    """The benchmark's own API server, from here to ``close()``; ``kubeconfig`` is of the form that ``rke`` writes."""

    def __init__(self, binaries: dict[str, Path]):
        self.folder = Path(tempfile.mkdtemp(prefix="saltk8s-bench-", dir="/tmp"))
        self.server = ApiServer(self.folder, binaries)
        self._resources: dict[tuple[str, str], tuple[str, bool]] = {}
        self._log = audit.AuditLog(self.folder)
        self._session = requests.Session()
        self._session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=THREADS))
        self._session.headers.update({"Authorization": f"Bearer {ADMIN_TOKEN}", "User-Agent": audit.AGENT})
        self._session.verify = str(self.folder / "certs" / "apiserver.crt")
        self._session.trust_env = False
        try:
            self.server.start()
            self.kubeconfig = self._kubeconfig()
            self._discover()
            self._baseline = set(self.live(self._resources).versions)  # what empty() leaves
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the processes, remove the files."""
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- what was asked

    def mark(self) -> int:
        """Return the end of the audit log, with everything asked so far in it."""
        marker = f"marker-{uuid.uuid4().hex}"
        self._ask("GET", f"/api/v1/namespaces/{marker}", may=(404,))
        return self._log.end(marker)

    def counts(self, begin: int, end: int) -> dict[str, int]:
        """Count the requests between two marks."""
        return audit.counted(self._log.between(begin, end))

    # -- what is there

    def live(self, kinds: Iterable[tuple[str, str]]) -> Live:
        """List all objects of some kinds, given as (apiVersion, kind); a kind that is not served has none."""
        found = Live()
        for api, kind in sorted(set(kinds)):
            path = self._path(api, kind)
            token = "" if path else None
            while token is not None:
                params = {"limit": 1000, "continue": token}
                page = self._ask("GET", path, params=params, accept=METADATA_ONLY, may=(404, 405))
                for item in page.get("items") or ():
                    meta = item["metadata"]
                    key = Key(api, kind, meta.get("namespace", ""), meta["name"])
                    found.versions[key] = meta.get("resourceVersion", "")
                    found.changes[key] = (meta.get("annotations") or {}).get(CHANGE, "")
                token = (page.get("metadata") or {}).get("continue") or None
        return found

    def key(self, obj: Object) -> Key:
        """Where an object is in the cluster: one of a kind in namespaces that names none is in ``default``."""
        api, kind, meta = obj["apiVersion"], obj["kind"], obj["metadata"]
        namespaced = self._resources.get((api, kind), ("", True))[1]
        return Key(api, kind, meta.get("namespace") or "default" if namespaced else "", meta["name"])

    # -- the empty state

    def empty(self, kinds: Iterable[tuple[str, str]], namespaces: Iterable[str]) -> None:
        """Delete all objects of some kinds that did not exist at the start; then create the namespaces."""
        self._discover()
        kinds = {*kinds, ("v1", "Namespace")}
        begin = time.monotonic()
        while gone := set(self.live(kinds).versions) - self._baseline:
            if time.monotonic() > begin + DELETED_S:
                raise TimeoutError(f"timed out deleting {len(gone)} objects, among them {min(gone)}")
            for stage in (FIRST, None, LAST):
                some = [key for key in gone if (key.kind in stage if stage else key.kind not in FIRST + LAST)]
                with ThreadPoolExecutor(THREADS) as pool:
                    list(pool.map(self._delete, some))
            self._discover()
        for name in sorted(namespaces):
            self._ask("POST", "/api/v1/namespaces", body={"metadata": {"name": name}}, may=(409,))

    def _delete(self, key: Key) -> None:
        path = self._path(key.api, key.kind, key.namespace)
        if not path:
            return
        options = {"propagationPolicy": "Background", "gracePeriodSeconds": 0}
        left = self._ask("DELETE", f"{path}/{key.name}", body=options, may=(404, 409))
        if key.kind == "Namespace":
            final = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": key.name}, "spec": {}}
            self._ask("PUT", f"{path}/{key.name}/finalize", body=final, may=(404, 409))
        elif key.kind != "CustomResourceDefinition" and (left.get("metadata") or {}).get("finalizers"):
            nothing = {"metadata": {"finalizers": None}}
            self._ask("PATCH", f"{path}/{key.name}", body=nothing, may=(404, 409))

    # -- requests

    def _kubeconfig(self) -> Path:
        """A user by a client certificate, and everything in the one file."""
        path = self.server.kubeconfig_by_certificate("bench", VALID_S)
        whole = json.loads(path.read_text())
        inside = whole["clusters"][0]["cluster"]
        authority = Path(inside.pop("certificate-authority")).read_bytes()
        inside["certificate-authority-data"] = base64.b64encode(authority).decode()
        path.write_text(json.dumps(whole))
        return path

    def _discover(self) -> None:
        """Learn which kinds are served, under which names."""
        found: dict[tuple[str, str], tuple[str, bool]] = {}
        groups = [version["groupVersion"] for one in self._ask("GET", "/apis")["groups"] for version in one["versions"]]
        for api in ["v1", *groups]:
            listed = self._ask("GET", f"/api/{api}" if api == "v1" else f"/apis/{api}", may=(404, 503))
            for one in listed.get("resources", ()):
                if "/" not in one["name"] and "list" in one["verbs"]:
                    found[api, one["kind"]] = (one["name"], one["namespaced"])
        self._resources = found

    def _path(self, api: str, kind: str, namespace: str = "") -> str:
        """The address of a kind, empty when it is not served."""
        if (api, kind) not in self._resources:
            self._discover()
        if (api, kind) not in self._resources:
            return ""
        where = f"/namespaces/{namespace}" if namespace else ""
        return f"{'/api/v1' if api == 'v1' else f'/apis/{api}'}{where}/{self._resources[api, kind][0]}"

    def _ask(
        self,
        verb: str,
        path: str,
        body: Any = None,
        params: dict | None = None,
        accept: str = "application/json",
        may: Iterable[int] = (),
    ) -> dict[str, Any]:
        """Ask the API server; return its answer, {} for the failures that ``may`` lists. Others raise."""
        headers = {"Accept": accept}
        if verb == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        url = self.server.url + path
        answer = self._session.request(verb, url, json=body, params=params, headers=headers, timeout=REQUEST_S)
        if answer.status_code in may:
            return {}
        answer.raise_for_status()
        return answer.json()
