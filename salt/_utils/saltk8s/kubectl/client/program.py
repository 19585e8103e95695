"""kubectl: the one place that runs it. Explicit kubeconfig, manifests on standard input, typed errors."""

from __future__ import annotations

import base64
import functools
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from saltk8s.base import errors, process
from saltk8s.kubectl.client import api_errors, discovery, parallel, servers, stderr
from saltk8s.kubectl.client import kubeconfig as kubeconfigs
from saltk8s.kubectl.manifests.identity import MANAGER, OBJECT_ANNOTATION, SET_LABEL, Kind

# For one request, not for the work: one that is not answered in this time is not going to be.
REQUEST_TIMEOUT_S = 30
PAGE = 500  # objects that the API server is asked for at once, as kubectl does
# kubectl exits before garbage collection pays, unless it holds very much: only then it starts.
GARBAGE = {"GOMEMLIMIT": "85MiB", "GOGC": "off"}
READS = ("get", "version", "api-resources", "logs", "top")  # may be sent twice, whatever came of the first


class Listed(NamedTuple):
    """What LISTs of kinds found.

    not_served: kinds that are not served at the version asked for, with the one at which they are: their objects are
    those of that version; unknown: kinds that are served at no version.
    """

    objects: list[dict[str, Any]]
    not_served: dict[Kind, Kind]
    unknown: set[Kind]


class Kubectl:
    """Runs kubectl against one cluster.

    writes: how many runs of it, in this process, may have changed something.
    kubeconfig: path of the file; context: name of a context in it, or None for its current one; binary: path or name
    of the program; cache_dir: folder for kubectl's discovery cache (without one, kubectl asks for all it needs each
    time and nothing is written); timeout_s: seconds that one run may take; api_servers: URLs of all API servers of the
    cluster, of which another one is asked when the kubeconfig's does not answer.
    """

    writes = 0

    def __init__(
        self,
        kubeconfig: str,
        context: str | None = None,
        binary: str = "kubectl",
        cache_dir: str | None = None,
        timeout_s: float = 300,
        api_servers: Sequence[str] = (),
    ):
        self.kubeconfig = kubeconfig
        self.words = ["--kubeconfig", kubeconfig]
        self.words += ["--context", context] if context else []
        self.words += ["--cache-dir", cache_dir or os.devnull]
        self.cache_dir = cache_dir
        self._binary = binary
        self._timeout_s = timeout_s
        self._context = context
        self._checked = False
        self._servers = api_servers if len(api_servers) > 1 else ()

    @property
    def cluster_exists(self) -> bool:
        """Whether there is a kubeconfig: before the cluster is built there is none. An unusable one counts."""
        return os.path.lexists(self.kubeconfig)

    def run(
        self,
        *words: str,
        stdin: str | None = None,
        what: str = "kubectl",
        secrets: Sequence[str] = (),
        timeout_s: float | None = None,
        request_timeout_s: float | None = None,
    ) -> str:
        """Run kubectl; return its standard output.

        words: what comes after the program's name; what: how errors name the thing (an object's title);
        secrets: texts redacted in output and errors; request_timeout_s: for one request, 0 for none (waiting); default
        REQUEST_TIMEOUT_S.
        Raises the errors that stderr.translate() returns, Unreachable when there is no kubeconfig, BadKubeconfig when
        it is unusable.
        """
        self._check_kubeconfig()
        if words[0] not in READS and "--dry-run=server" not in words:
            Kubectl.writes += 1
        request_timeout_s = REQUEST_TIMEOUT_S if request_timeout_s is None else request_timeout_s
        argv = [*words, *self.words, *([f"--request-timeout={request_timeout_s:g}s"] if request_timeout_s else [])]
        once = functools.partial(self._once, stdin, what, secrets, timeout_s or self._timeout_s)
        server = servers.chosen(self.kubeconfig) if self._servers else None
        try:
            return once(argv, server)
        except errors.NoAnswer as err:
            other = self._another(server)
            if not other or (err.sent and words[0] not in READS):
                raise
            return once(argv, other)

    def _once(
        self, stdin: str | None, what: str, secrets: Sequence[str], limit_s: float, argv: list[str], server: str | None
    ) -> str:
        argv = [self._binary, *argv, *([f"--server={server}"] if server else [])]
        try:
            result = process.run(
                argv, stdin=stdin, timeout_s=limit_s, secrets=secrets, give_up=stderr.is_final, env=self._env
            )
        except errors.CommandTimeout as err:  # what was printed so far may hold Secrets
            raise errors.CommandTimeout(f"{what}: kubectl timed out after {limit_s:g} s", err.exit_status) from None
        if result.exit_status:
            text = result.err if result.err or result.exit_status < 0 else result.out
            raise self._explained(stderr.translate(text, result.exit_status, what), what)
        return result.out

    @property
    def _env(self) -> dict[str, str]:
        return {"LC_ALL": "C", "KUBECONFIG": self.kubeconfig, "KUBECTL_KUBERC": "false", **GARBAGE}

    def _another(self, failed: str | None) -> str | None:
        """Return an API server that is ready, other than the one that failed (None: the kubeconfig's own)."""
        if not self._servers:
            return None
        own = kubeconfigs.server(self.kubeconfig)
        return servers.choose(self.kubeconfig, own, failed, self._servers, self.is_ready)

    def is_ready(self, server: str) -> bool:
        """Return whether an API server says within seconds that it is ready. Never raises for what it does."""
        argv = [self._binary, "get", "--raw", "/readyz", *self.words, f"--server={server}"]
        try:
            asked = process.run([*argv, f"--request-timeout={servers.ASK_S}s"], timeout_s=servers.ASK_S, env=self._env)
        except errors.CommandTimeout:
            return False
        return asked.exit_status == 0

    def _check_kubeconfig(self) -> None:
        if not self.cluster_exists:
            raise errors.Unreachable(
                f"no kubeconfig {self.kubeconfig}: the cluster does not exist yet, or this is not the admin minion"
            )
        if not self._checked:
            kubeconfigs.check(self.kubeconfig, self._context)
            self._checked = True

    def _explained(self, err: errors.SaltK8sError, what: str) -> errors.SaltK8sError:
        """Return the error; for a terminating namespace, with what it waits for."""
        if not isinstance(err, api_errors.Terminating):
            return err
        try:
            found = self.objects("get", "namespace", err.namespace, "--ignore-not-found")
        except errors.SaltK8sError:  # must not hide the one that is explained
            return err
        return api_errors.terminating(err.namespace, found[0], what) if found else err

    def forget_kinds(self) -> None:
        """Make kubectl ask for the kinds again: its cache of them is wrong once a definition was replaced."""
        if self.cache_dir:
            shutil.rmtree(Path(self.cache_dir) / "discovery", ignore_errors=True)

    def client_version(self) -> str:
        """Return kubectl's own version, as ``v1.32.6``."""
        result = process.run([self._binary, "version", "--client", "--output=json"], timeout_s=REQUEST_TIMEOUT_S)
        try:
            return json.loads(result.out)["clientVersion"]["gitVersion"]
        except (ValueError, KeyError) as err:
            raise errors.CommandError(
                "kubectl reports no version", result.exit_status, result.err or result.out
            ) from err

    def objects(self, *words: str, **options: Any) -> list[dict[str, Any]]:
        """Run kubectl with ``-o json``; return the objects it prints, however many."""
        found = parsed(self.run(*words, "-o", "json", **options))
        if not found:
            return []
        return found["items"] if str(found.get("kind", "")).endswith("List") and "items" in found else [found]

    def listed(self, *words: str) -> list[dict[str, Any]]:
        """Run ``kubectl get`` for lists of objects, with their field managers.

        As JSONPath: the same objects as JSON without indentation, a third of the text. Uncompressed: the API server is
        near, compressing takes longer than sending.
        """
        flags = ["--show-managed-fields", "--disable-compression", "--output=jsonpath={.items}"]
        return parsed(self.run("get", *words, *flags)) or []

    def set_objects(self, set_name: str, kinds: Iterable[Kind]) -> Listed:
        """Return the live objects that carry a set's label.

        One run of kubectl, one LIST a kind; a kind that is not served at its version costs further runs.
        """
        return self._list(kinds, "--all-namespaces", f"--selector={SET_LABEL}={set_name}")

    def objects_of_sets(self, set_names: Sequence[str], kinds: Iterable[Kind]) -> Listed:
        """Return what set_objects() returns, for several sets at once."""
        return self._list(kinds, "--all-namespaces", f"--selector={SET_LABEL} in ({','.join(set_names)})")

    def objects_of_all_sets(self, kinds: Iterable[Kind], namespace: str | None = None) -> list[dict[str, Any]]:
        """Return the live objects of these kinds that carry the label of any set, in one namespace or in all."""
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        return self._list(kinds, *where, f"--selector={SET_LABEL}").objects

    def many_set_objects(self, set_name: str, kind: Kind) -> Listed:
        """Return what set_objects() returns, for one kind with very many objects.

        Of a built-in kind the API server's answers are passed on as they are: kubectl takes four times as long to take
        them apart and to write them again. An unexpected answer is requested again the usual way.
        """
        if not kind.custom:
            try:
                return Listed(self._pages(kind, f"{SET_LABEL}={set_name}"), {}, set())
            except api_errors.NOT_ABOUT_AN_OBJECT:
                raise
            except (errors.SaltK8sError, AttributeError, KeyError, TypeError):
                pass
        return self.set_objects(set_name, [kind])

    def _pages(self, kind: Kind, selector: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        query = {"labelSelector": selector, "limit": str(PAGE)}
        while True:
            page = parsed(self.run("get", "--raw", f"{kind.path}?{urlencode(query)}"))
            # the items of a list do not say what they are
            found += [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in page["items"] or ()]
            query["continue"] = page["metadata"].get("continue") or ""
            if not query["continue"]:
                return found

    def outside_set(self, set_name: str, kinds: Iterable[Kind], namespace: str) -> list[dict[str, Any]]:
        """Return the objects of some kinds in a namespace (none: the cluster's own) that are not of the set."""
        where = ["--namespace", namespace] if namespace else []
        return self._list(kinds, *where, f"--selector={SET_LABEL} notin ({set_name})").objects

    def _list(self, kinds: Iterable[Kind], *words: str) -> Listed:
        """List kinds at their versions; those that are not served there at the newest version at which they are."""
        found, missing = self._list_at_versions(sorted(set(kinds)), *words)
        ask = functools.cache(self._raw)
        served = {kind: discovery.served(kind, ask) for kind in sorted(missing)}
        not_served = {kind: other for kind, other in served.items() if other}
        again, gone = self._list_at_versions(sorted(set(not_served.values())), *words)
        not_served = {kind: other for kind, other in not_served.items() if other not in gone}
        return Listed(found + again, not_served, missing - not_served.keys())

    def _list_at_versions(self, kinds: list[Kind], *words: str) -> tuple[list[dict[str, Any]], set[Kind]]:
        """Return (the objects of the kinds, the kinds that are not served at their versions)."""
        missing: set[Kind] = set()
        while kinds:
            joined = ",".join(kind.argument for kind in kinds)
            try:
                return self.listed(joined, *words), missing
            except api_errors.UnknownKind as err:
                gone = [kind for kind in kinds if kind.kind == err.kind] or kinds
            except api_errors.NotFound:  # the discovery cache still had one of them
                gone = kinds
            if len(gone) > 1:  # the same name in several groups or versions, or any of them: ask one by one
                return self._list_each(kinds, missing, *words)
            missing.update(gone)
            kinds = [kind for kind in kinds if kind not in gone]
        return [], missing

    def _list_each(self, kinds: list[Kind], missing: set[Kind], *words: str) -> tuple[list[dict[str, Any]], set[Kind]]:
        found: list[dict[str, Any]] = []
        for kind in kinds:
            try:
                found += self.listed(kind.argument, *words)
            except (api_errors.UnknownKind, api_errors.NotFound):
                missing.add(kind)
        return found, missing

    def served(self, kind: Kind) -> Kind | None:
        """Return the kind at the newest version at which the API server serves it, None when it serves none."""
        return discovery.served(kind, self._raw)

    def _raw(self, path: str) -> dict[str, Any]:
        """Return what the API server answers at a path, nothing when it serves nothing there."""
        try:
            return parsed(self.run("get", "--raw", path, what=path)) or {}
        except api_errors.NotFound:
            return {}

    def defined(self, kinds: Iterable[Kind]) -> set[Kind]:
        """Return which of the kinds a CustomResourceDefinition defines, at versions that are served or not."""
        fields = "{range .items[*]}{.spec.group} {.spec.names.kind}{'\\n'}{end}"
        out = self.run("get", "customresourcedefinitions", f"--output=jsonpath={fields}")
        known = {tuple(line.split()) for line in out.splitlines()}
        return {kind for kind in kinds if kind.gk in known}

    def existing(self, objects: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the objects that exist, whatever their labels. One request an object."""
        words = ["get", "--filename=-", "--ignore-not-found", "--show-managed-fields"]
        return parallel.run(lambda part: self.objects(*words, stdin=documents(part)), objects, "get")

    def cluster_scoped(self, kinds: Iterable[Kind]) -> set[Kind]:
        """Return which of the custom kinds are cluster-scoped; none before the cluster exists."""
        kinds, found = set(kinds), set()
        for group in sorted({kind.group for kind in kinds}) if self.cluster_exists else ():
            out = self.run("api-resources", "--namespaced=false", "--no-headers", f"--api-group={group}")
            names = {line.split()[-1] for line in out.splitlines() if line.strip()}
            found |= {kind for kind in kinds if kind.group == group and kind.kind in names}
        return found

    def apply(
        self,
        objects: Sequence[Mapping[str, Any]],
        dry_run: bool,
        force_conflicts: bool,
        what: str = "kubectl",
        answers: bool = False,
    ) -> list[dict[str, Any]]:
        """Apply objects server-side; return them as the API server answers if asked for ``answers``, else nothing.

        dry_run: nothing is stored; force_conflicts: take over fields of other managers.
        """
        if not objects:
            return []
        words = ["apply", "--server-side", f"--field-manager={MANAGER}", "--filename=-"]
        # Server-side apply rejects unknown fields whatever this says; asking for more makes kubectl parse the whole
        # API description again for every object, four times the cost of the request itself.
        words += ["--validate=false"]
        words += ["--dry-run=server"] if dry_run else []
        words += ["--force-conflicts"] if force_conflicts else []
        text, secrets = documents(objects), secret_texts(objects)
        if answers:
            return self.objects(*words, "--show-managed-fields", stdin=text, what=what, secrets=secrets)
        self.run(*words, "--output=name", stdin=text, what=what, secrets=secrets)
        return []

    def patch(self, patch: str, stubs: Sequence[Mapping[str, Any]], form: str = "json") -> list[dict[str, Any]]:
        """Send one patch to several objects; return nothing.

        patch: an argument, so without secrets; stubs: apiVersion, kind and metadata with name and namespace are enough;
        form: ``json`` or ``merge``.
        """
        words = ["patch", "--filename=-", f"--type={form}", f"--patch={patch}", f"--field-manager={MANAGER}"]
        self.run(*words, "--output=name", stdin=documents(stubs), what=f"patch {stubs[0]['metadata']['name']}")
        return []

    def tried_patch(self, patch: str, obj: Mapping[str, Any], what: str) -> dict[str, Any]:
        """Return a live object as a JSON patch would make it: a dry run. The patch goes as patch() says."""
        words = ["patch", "--filename=-", "--type=json", f"--patch={patch}", "--dry-run=server"]
        return self.objects(*words, f"--field-manager={MANAGER}", stdin=documents([obj]), what=what)[0]

    def release(self, stubs: Sequence[Mapping[str, Any]]) -> None:
        """Take objects out of their set: they are kept, without its label and annotation.

        stubs: as delete() takes them.
        """
        meta = {"labels": {SET_LABEL: None}, "annotations": {OBJECT_ANNOTATION: None}}
        if stubs:
            self.patch(json.dumps({"metadata": meta}), stubs, "merge")

    def delete(self, stubs: Sequence[Mapping[str, Any]], timeout_s: float, what: str = "kubectl") -> None:
        """Delete objects and wait until they are gone; one that does not exist is no error.

        stubs: apiVersion, kind and metadata with name and namespace are enough; timeout_s: seconds to wait for all.
        """
        if stubs:
            self.run(
                "delete",
                "--filename=-",
                "--ignore-not-found",
                "--wait=true",
                f"--timeout={max(1, timeout_s):g}s",
                stdin=documents(stubs),
                what=what,
                timeout_s=timeout_s + REQUEST_TIMEOUT_S,
                request_timeout_s=0,
            )


def parsed(out: str) -> Any:
    """Return what kubectl printed as JSON, None for nothing; raises CommandError for anything else."""
    try:
        return json.loads(out) if out.strip() else None
    except ValueError as err:
        # nothing of it is shown: it may be half a Secret
        raise errors.CommandError(f"kubectl returned {len(out)} characters that are not JSON") from err


def documents(objects: Sequence[Mapping[str, Any]]) -> str:
    """Return objects as the text for standard input: one JSON document a line.

    Not as one List: for that kind kubectl falls back to checking fields itself, with a schema of megabytes.
    """
    return "".join(f"{json.dumps(obj, default=dict)}\n" for obj in objects)  # dict: one that was not parsed until now


def secret_texts(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return every value of the Secrets among the objects, encoded and plain, the longest first."""
    texts = set()
    for obj in objects:
        if (obj.get("apiVersion"), obj.get("kind")) != ("v1", "Secret"):
            continue
        for value in (obj.get("data") or {}).values():
            texts.add(str(value))
            try:
                texts.add(base64.b64decode(str(value)).decode())
            except ValueError:
                continue
    # a text of a few characters would redact half of every message
    return sorted((text for text in texts if len(text) >= 6), key=len, reverse=True)
