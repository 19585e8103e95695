"""The API server as the judge of the comparison: cases against it, our verdict, and the truth.

A case is a live object, written by us with an earlier declaration and changed by others, and a declaration of it. The
truth is what a real server-side apply does to the object, as two GETs show it. Left out of them are managedFields,
resourceVersion and generation: whose a field is no one sees in what runs in the cluster, and an apply that changes
nothing else may be repeated or left out at any time. Left out is the status, too: controllers write it meanwhile.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import hypothesis
import yaml
from hypothesis import reject
from hypothesis import strategies as st
from saltk8s.base import errors
from saltk8s.kubectl.compare import diff, equality
from saltk8s.kubectl.manifests import manifest
from tests.support import generate
from tests.support.apiserver import ADMIN_TOKEN, ApiServer

REPLAYED = Path(__file__).resolve().parents[1] / "cases" / "kubectl" / "property"
SET = "property"
MERGE, APPLY, REPLACE, STATUS = "merge", "apply", "replace", "status"
CONTENT = {APPLY: "application/apply-patch+yaml", MERGE: "application/merge-patch+json"}
UNTYPED = re.compile("failed to (create typed|convert)")  # how the API server answers a value of a wrong type
ROUNDS = 2
KEPT_BY_SERVER = ("managedFields", "resourceVersion", "generation")


def drawing(seed: int, count: int, *phases: hypothesis.Phase) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Return a decorator: the function ``examples(data)`` runs ``count`` times; the same seed draws the same data."""
    settings = hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=phases,
    )
    return lambda examples: hypothesis.seed(seed)(settings(hypothesis.given(st.data())(examples)))


class Refused(Exception):
    """The API server does not take an object; ``conflict`` when only because others own fields."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.conflict = code == 409 and "conflict" in text
        self.gone = code == 404


class Write(NamedTuple):
    """What others did to an object before: ``how`` is one of merge, apply, replace, status."""

    manager: str
    how: str
    body: dict[str, Any]


class Cluster:
    """The few requests that a case takes. Over HTTP, because starting kubectl takes longer than a whole case."""

    def __init__(self, server: ApiServer):
        context = ssl.create_default_context(cafile=str(server.folder / "certs" / "apiserver.crt"))
        self._connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=context)

    def prepare(self, kind: generate.Kind) -> None:
        """Make what the objects of a kind need: their namespace, their definition."""
        namespace = generate.namespace(kind)
        if namespace:
            found = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            self._send("PATCH", f"/api/v1/namespaces/{namespace}", found, APPLY, fieldManager="tests")
        if kind.kind == "Thing":
            name = generate.DEFINITION["metadata"]["name"]
            self._send(
                "PATCH",
                f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}",
                generate.DEFINITION,
                APPLY,
                fieldManager="tests",
            )
            self._until_served(kind)

    def _until_served(self, kind: generate.Kind) -> None:
        # a first write succeeds when the definition is served; bounded by the number of tries, each one a request
        probe = generate.start(kind, 0)
        for _ in range(2000):
            try:
                self.apply(kind, probe, dry_run=True)
                return
            except Refused as err:
                if not err.gone:
                    raise
        raise AssertionError(f"{kind.kind} is not served")

    def get(self, kind: generate.Kind, name: str) -> dict[str, Any]:
        """Return the live object."""
        return self._send("GET", self._path(kind, name))

    def apply(
        self,
        kind: generate.Kind,
        obj: dict[str, Any],
        force: bool = True,
        dry_run: bool = False,
        manager: str = "saltk8s",
    ) -> dict[str, Any]:
        """Apply an object server-side as kubectl does; return the answer."""
        options = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        options |= {"dryRun": "All"} if dry_run else {}
        return self._send("PATCH", self._path(kind, obj["metadata"]["name"]), obj, APPLY, **options)

    def write(self, kind: generate.Kind, name: str, write: Write) -> dict[str, Any]:
        """Do what another manager does; return the object as it is then."""
        path = self._path(kind, name)
        if write.how == APPLY:
            return self.apply(kind, write.body, manager=write.manager)
        if write.how == STATUS:
            return self._send("PATCH", f"{path}/status", write.body, MERGE, fieldManager=write.manager)
        return self._send(
            "PUT" if write.how == REPLACE else "PATCH", path, write.body, write.how, fieldManager=write.manager
        )

    def clear(self, kind: generate.Kind) -> None:
        """Delete what is left of a kind in its namespace, but for what finalizers hold."""
        if not kind.cluster:
            self._send("DELETE", self._path(kind, "").rstrip("/"))

    def remove(self, kind: generate.Kind, live: dict[str, Any]) -> None:
        """Delete an object outside of namespaces, whatever holds it: other tests use the same API server."""
        path = self._path(kind, live["metadata"]["name"])
        if not kind.cluster:
            return
        try:
            if live["metadata"].get("finalizers"):
                self._send("PATCH", path, {"metadata": {"finalizers": None}}, MERGE)
            gone = self._send("DELETE", path)
            if kind.kind == "Namespace":  # there are no controllers that would finish it
                self._send("PUT", f"{path}/finalize", gone | {"spec": {"finalizers": []}}, REPLACE)
        except Refused as err:
            if not (err.gone or err.conflict):
                raise

    def _path(self, kind: generate.Kind, name: str) -> str:
        root = f"/apis/{kind.api}" if "/" in kind.api else f"/api/{kind.api}"
        namespace = generate.namespace(kind)
        return f"{root}{f'/namespaces/{namespace}' if namespace else ''}/{kind.plural}/{name}"

    def _send(self, verb: str, path: str, body: Any = None, how: str = "", **options: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": CONTENT.get(how, "application/json")}
        text = None if body is None else json.dumps(body)
        self._connection.request(verb, f"{path}?{urlencode(options)}", text, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 500 and not UNTYPED.search(text):
            raise AssertionError(f"{verb} {path}: {text}")
        if answer.status >= 400:
            raise Refused(answer.status, text)
        return json.loads(text)


class Case(NamedTuple):
    """One case, as data: it can be written to a file and done again."""

    kind: str
    history: list[tuple[str, Any]]  # what was done before: ("ours", declaration) or ("theirs", Write)
    declared: dict[str, Any]
    force: bool

    def dump(self, verdict: str) -> str:
        """Return the case as YAML, its verdicts as a comment."""
        history = [{"ours": what} if who == "ours" else {"theirs": what._asdict()} for who, what in self.history]
        whole = {"kind": self.kind, "force": self.force, "history": history, "declared": self.declared}
        return f"# {verdict}\n" + yaml.safe_dump(json.loads(json.dumps(whole)), sort_keys=False, width=110)

    @classmethod
    def load(cls, text: str) -> Case:
        """Return the case of a file."""
        given = yaml.safe_load(text)
        history = [
            ("ours", step["ours"]) if "ours" in step else ("theirs", Write(**step["theirs"]))
            for step in given["history"]
        ]
        return cls(given["kind"], history, given["declared"], given["force"])


def declare(obj: dict[str, Any]) -> dict[str, Any]:
    """Return what the engine makes of a declared object."""
    (declared,) = manifest.declare(manifest.from_objects([obj]), SET, "default", lambda kinds: ()).values()
    return declared


def judge(
    cluster: Cluster, kind: generate.Kind, declared: dict[str, Any], before: dict[str, Any], force: bool
) -> tuple[str, dict[str, Any] | None]:
    """Return what is wrong with our verdict about a declaration ("" when nothing is), and the object after the apply.

    Counts in ``COUNTED``. Raises Refused when the API server does not take the declaration.
    """
    looks = equality.looks_equal(declared, before)
    says: bool | None = True
    try:
        if not looks:
            says = not diff.fields(before, cluster.apply(kind, declared, force, dry_run=True))
        cluster.apply(kind, declared, force)
    except Refused as err:
        if not err.conflict:
            raise
        if looks and cluster_would_change(cluster, kind, declared, before):
            return "local: unchanged, but it is a conflict about a value", None
        COUNTED[kind.kind, "conflict"] += 1
        return "", None
    after = cluster.get(kind, before["metadata"]["name"])
    changed = seen(before) != seen(after)
    COUNTED[kind.kind, "changed" if changed else "unchanged"] += 1
    COUNTED[kind.kind, "asked"] += not looks and not changed
    if says is changed:
        fields = ", ".join(diff.text(path) for path in diff.fields(before, after))
        who = "local" if looks else "with the dry run"
        return f"{who}: {'un' if says else ''}changed, in truth {'' if changed else 'un'}changed: {fields}", after
    return "", after


COUNTED: Counter[tuple[str, str]] = Counter()


def cluster_would_change(cluster: Cluster, kind: generate.Kind, declared: dict[str, Any], before: Any) -> bool:
    """Return whether a forced apply would change the object."""
    return seen(before) != seen(cluster.apply(kind, declared, True, dry_run=True))


def seen(obj: dict[str, Any]) -> str:
    """Return all of an object that counts, as text: 1 and true are not the same there."""
    meta = {name: value for name, value in obj["metadata"].items() if name not in KEPT_BY_SERVER}
    return json.dumps(obj | {"metadata": meta, "status": None}, sort_keys=True)


def theirs(draw: Any, kind: generate.Kind, number: int, live: dict[str, Any]) -> Write:
    """Draw what someone else does to a live object."""
    ways = [REPLACE, REPLACE, MERGE, APPLY] + ([STATUS] if kind.status else [])
    how = draw(st.sampled_from(ways))
    if how == STATUS:
        return Write("controller", STATUS, {"status": kind.status})
    manager = draw(st.sampled_from(["kubectl-edit", "controller"]))
    if how == REPLACE:
        body = generate.edit(draw, {name: value for name, value in live.items() if name != "status"})
        body["metadata"] = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
        body["metadata"].pop("resourceVersion", None)
        return Write(manager, REPLACE, body)
    chosen = generate.choices(draw, kind, 3)
    if how == APPLY:
        return Write(manager, APPLY, generate.build(kind, number, chosen))
    body: dict[str, Any] = {}
    for path, value in chosen.items():
        if not any(isinstance(step, int) for step in path):
            generate.put(body, path, value)
    return Write(manager, MERGE, body)


def example(draw: Any, cluster: Cluster, kind: generate.Kind, number: int, report: Any) -> None:
    """Draw and judge one object's life: declared, changed by others, declared anew, ROUNDS times, each one a case.

    report: called with a Case and what is wrong about it. What the API server refuses is no case.
    """
    chosen = generate.choices(draw, kind, 6)
    raw = generate.build(kind, number, chosen)
    history: list[tuple[str, Any]] = [("ours", raw)]
    name = raw["metadata"]["name"]
    try:
        live = ours(cluster, kind, raw)
    except Refused:
        reject()
    try:
        noop(cluster, kind, raw, live, history, report)
        for _ in range(ROUNDS):
            for _ in range(draw(st.integers(0, 2))):
                write = theirs(draw, kind, number, live)
                try:
                    live = cluster.write(kind, name, write)
                    history.append(("theirs", write))
                except Refused:
                    pass
            force = draw(st.booleans())
            for attempt in (redeclared(draw, kind, number, chosen, raw), raw):
                try:
                    declared = declare(attempt)
                    wrong, after = judge(cluster, kind, declared, live, force)
                    break
                except (Refused, errors.Invalid):
                    continue
            else:  # no case; not rejected, because what is drawn must not depend on the server's answers
                COUNTED[kind.kind, "refused"] += 1
                continue
            if wrong:
                report(Case(kind.kind, list(history), attempt, force), wrong)
            if after:
                raw, live = attempt, after
                history.append(("ours", raw))
                noop(cluster, kind, raw, live, history, count_odd)
    finally:
        cluster.remove(kind, live)


def ours(cluster: Cluster, kind: generate.Kind, raw: dict[str, Any]) -> dict[str, Any]:
    """Apply a declaration as the engine does."""
    try:
        return cluster.apply(kind, declare(raw))
    except errors.Invalid as err:
        raise Refused(422, str(err)) from err


def count_odd(case: Case, _wrong: str) -> None:
    """An edited declaration may be one that nobody writes (``type: ""``): that it costs a request is counted only."""
    COUNTED[case.kind, "guessed"] += 1


def noop(
    cluster: Cluster,
    kind: generate.Kind,
    raw: dict[str, Any],
    live: dict[str, Any],
    history: list[tuple[str, Any]],
    report: Any,
) -> None:
    """What was just applied has to look equal: the second run costs nothing but the LISTs.

    Unless the API server needs two applies: it takes an emptied map away with its last field, and puts it back then.
    """
    COUNTED[kind.kind, "noop"] += 1
    if equality.looks_equal(declare(raw), live):
        return
    try:
        unstable = cluster_would_change(cluster, kind, declare(raw), live)
    except Refused:
        unstable = True
    if unstable:
        COUNTED[kind.kind, "unstable"] += 1
    elif any(name in (raw.get("spec") or {}) for name in kind.guessed):
        COUNTED[kind.kind, "guessed"] += 1
    else:
        report(Case(kind.kind, list(history), raw, True), "it was just applied, and looks different")


def redeclared(
    draw: Any, kind: generate.Kind, number: int, chosen: dict[generate.Path_, Any], raw: dict[str, Any]
) -> dict[str, Any]:
    """Draw the next declaration: the same, an edited one, one with other options."""
    how = draw(st.sampled_from(["same", "edit", "edit", "options"]))
    if how == "options":
        for path in draw(st.lists(st.sampled_from(sorted(chosen, key=str)), unique=True)) if chosen else ():
            del chosen[path]
        chosen |= generate.choices(draw, kind, 2)
        return generate.build(kind, number, chosen)
    return generate.edit(draw, raw) if how == "edit" else raw


def replay(cluster: Cluster, case: Case, number: int) -> str:
    """Do a case of a file again; return what is wrong, "" when nothing is."""
    kind = generate.KINDS[case.kind]
    text = json.dumps([[who, what._asdict() if who == "theirs" else what] for who, what in case.history])
    names = re.compile(r"\b(case-?)\d+", re.I)
    history = json.loads(names.sub(rf"\g<1>{number}", text))
    declared = json.loads(names.sub(rf"\g<1>{number}", json.dumps(case.declared)))
    name = declared["metadata"]["name"]
    live: dict[str, Any] = {}
    for who, what in history:
        live = ours(cluster, kind, what) if who == "ours" else cluster.write(kind, name, Write(**what))
    try:
        wrong, after = judge(cluster, kind, declare(declared), live, case.force)
        found = [wrong]
        if after:
            noop(cluster, kind, declared, after, [], lambda _, text: found.append(text))
        return " ".join(filter(None, found))
    finally:
        cluster.remove(kind, live)
