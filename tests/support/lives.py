"""Lives of whole sets, drawn by hypothesis: objects that others made and the set adopts, kinds that move between the
versions of their definition, commits that enable themselves. What has to hold in each step: ``Judge.step``.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

import yaml
from hypothesis import strategies as st
from saltk8s.base import errors
from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.manifests import manifest
from saltk8s.kubectl.manifests.identity import OBJECT_ANNOTATION, Key, key_of
from tests.support import enabling, generate, property
from tests.support import kubectl as objects

Obj = dict[str, Any]

ADOPTED = ("ConfigMap", "Secret", "Service", "Deployment", "StatefulSet", "Ingress", "NetworkPolicy", "Role")
ADOPTED += ("ServiceAccount", "PodDisruptionBudget", "HorizontalPodAutoscaler", "CronJob", "ResourceQuota")
# how others make and change an object: words of kubectl
WAYS = (
    ["apply"],
    ["apply", "--field-manager=helm"],
    ["create"],
    ["create", "--save-config"],
    ["apply", "--server-side", "--field-manager=kustomize-controller", "--force-conflicts"],
    ["apply", "--server-side", "--force-conflicts"],
)
TITLE_PATH = diff.text(("metadata", "annotations", OBJECT_ANNOTATION))
VERSIONS = ("v1alpha1", "v1beta1", "v1", "v2")
NAMES = ("a", "b", "c", "d")
TYPES = {"integer": 3, "string": "three", "boolean": True}


class Broken(AssertionError):
    """A property that does not hold; the message has the whole life."""


class Judge:
    """One set through its life: ``apply`` is the state ``kubectl.applied``, with forced conflicts."""

    def __init__(self, server: Any, apply: Callable[..., Obj], name: str):
        self._server, self._apply, self._name = server, apply, name
        self.told: list[Any] = []

    def tell(self, what: str, *found: Any) -> None:
        """Note what happens, for the message of a failure."""
        self.told.append({what: [copy.deepcopy(one) for one in found]})

    def step(self, declared: Sequence[Obj], estimated: bool = False) -> bool:
        """Apply a declaration and hold the properties; return whether it was accepted.

        estimated: an object may depend on another one of the commit: test mode then knows that it is changed, not how.
        """
        self.tell("declared", *declared)
        before = self._live(declared)
        foretold, real = self._run(declared, test=True), self._run(declared)
        after = self._live(declared)
        if real["result"] is False:
            self._hold(foretold["result"] is False, f"refused in the real run only: {real['comment']}")
            self._hold(before == after or real["changes"], "refused, and something is changed")
            return False
        said, did = foretold["changes"], real["changes"]
        same = set(said) == set(did) if estimated else said == did
        self._hold(same, f"test mode: {json.dumps(said)}, real run: {json.dumps(did)}")
        self._hold(foretold["result"] is (None if did else True), f"test mode's result is {foretold['result']}")
        for key, old in before.items():
            shown = diff.show(key, diff.fields(old, after[key])) if old and after[key] else {}
            shown.pop(TITLE_PATH, None)  # comes with the set's label, and is not said besides
            told = {name: one for name, one in did.get(key.title, {}).items() if name != "metadata.managedFields"}
            self._hold(not old or shown == told, f"{key.title}: it differs in {shown}, and the changes are {told}")
        for test in (True, False):
            again = self._run(declared, test=test)
            self._hold(again["result"] is True and not again["changes"], f"the second run (test={test}): {again}")
        return True

    def hold_live(self, kinds: Sequence[str], declared: Sequence[Obj]) -> None:
        """Of some kinds exactly the declared objects have the set's label, and what they declare."""
        found = [obj for kind in kinds for obj in self._list(kind)]
        live = {(obj["metadata"]["name"]): obj["spec"] for obj in found}
        wanted = {obj["metadata"]["name"]: obj["spec"] for obj in declared}
        self._hold(live == wanted, f"live {live}, declared {wanted}")

    def _list(self, kind: str) -> list[Obj]:
        answer = self._server.get(kind, "--all-namespaces", "-l", f"saltk8s.io/set={self._name}")
        return (answer or {}).get("items") or []

    def _run(self, declared: Sequence[Obj], **more: Any) -> Obj:
        return self._apply(self._name, *declared, force_conflicts=True, **more)

    def _live(self, declared: Sequence[Obj]) -> dict[Key, Obj | None]:
        stubs = [{part: obj[part] for part in ("apiVersion", "kind", "metadata")} for obj in declared]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [_stub(obj) for obj in stubs]})
        words = ["get", "-f", "-", "--ignore-not-found", "--show-managed-fields", "-o", "json"]
        out = self._server.kubectl(*words, stdin=text, check=False)
        found = json.loads(out) if out.strip() else {}
        items = found.get("items", [found] if found else [])
        live = {key_of(obj): obj for obj in items}
        return {key_of(obj): live.get(key_of(obj)) for obj in stubs}

    def _hold(self, holds: Any, what: str) -> None:
        if not holds:
            raise Broken(f"{what}\n{yaml.safe_dump(self.told, sort_keys=False)}")


def _stub(obj: Obj) -> Obj:
    meta = {part: obj["metadata"][part] for part in ("name", "namespace") if part in obj["metadata"]}
    return {**obj, "metadata": meta}


# -- adoption


def adoption(draw: Any, judge: Judge, cluster: property.Cluster, server: Any, number: int) -> bool:
    """Others make objects, the set adopts them; others change them, the set declares something else."""
    name = f"adopted-{number}"
    drawn = draw(st.lists(st.sampled_from(ADOPTED), min_size=2, max_size=5, unique=True))
    ways = [draw(st.sampled_from(WAYS)), draw(st.sampled_from([way for way in WAYS if way[0] == "apply"]))]
    theirs: list[Obj] = []
    ours: list[list[Obj]] = [[], []]
    for kind in (generate.KINDS[one] for one in drawn):
        chosen = generate.choices(draw, kind, 6)
        kept = [path for path in chosen if draw(st.booleans())]
        some = generate.build(kind, number, {path: chosen[path] for path in kept})
        other = generate.edit(draw, generate.build(kind, number, chosen))
        more = generate.build(kind, number, chosen | generate.choices(draw, kind, 2))
        cluster.prepare(kind)
        if all(_accepted(cluster, kind, obj, name) for obj in (more, some, other)):
            theirs.append(more)
            ours[0].append(some)
            ours[1].append(other)
    if not theirs:
        return False
    for way, declared in zip(ways, ours, strict=True):
        judge.tell(" ".join(way), *theirs)
        server.kubectl(
            *way, "-f", "-", stdin=objects.documents(*theirs), check=False
        )  # some cannot be changed in place
        judge.step(declared)
    return True


def _accepted(cluster: property.Cluster, kind: generate.Kind, obj: Obj, name: str) -> bool:
    try:
        (declared,) = manifest.declare(manifest.from_objects([obj]), name, "default", lambda kinds: ()).values()
        cluster.apply(kind, declared, dry_run=True)
    except (property.Refused, errors.Invalid):
        return False
    return True


# -- versions


def versions(draw: Any, judge: Judge, number: int) -> bool:
    """A definition that serves other versions with each commit, and objects that move between them, come and go."""
    group = f"lives-{number}.example.org"
    kinds = [f"Pool.{group}"]
    for _ in range(3):
        served = draw(st.lists(st.sampled_from(VERSIONS), min_size=1, unique=True))
        stored = draw(st.sampled_from(VERSIONS))
        names = draw(st.lists(st.sampled_from(NAMES), unique=True))
        pools = [
            objects.custom("Pool", group, name, size=draw(st.integers(1, 3)))
            | {"apiVersion": f"{group}/{draw(st.sampled_from(served))}"}
            for name in names
        ]
        made = objects.definition("Pool", group)
        version = made["spec"]["versions"][0]
        made["spec"]["versions"] = [
            version | {"name": name, "served": name in served, "storage": name == stored} for name in VERSIONS
        ]
        if judge.step([made, *pools], estimated=True):
            judge.hold_live(kinds, pools)
    return True


# -- commits that enable themselves


def enabled(draw: Any, judge: Judge, number: int) -> bool:
    """A definition's new fields with objects that use them, a namespace's level with the pods that it allows."""
    group, space = f"enabled-{number}.example.org", f"enabled-{number}"
    levels = ["restricted", "privileged"]
    fields: Obj = {}
    for step in range(3):
        new = draw(st.dictionaries(st.sampled_from(["x", "y", "z"]), st.sampled_from(sorted(TYPES)), max_size=2))
        fields = {name: {"type": kind} for name, kind in new.items()} | fields
        sites = [
            enabling.site(
                group,
                name,
                **{field: TYPES[one["type"]] for field, one in fields.items() if draw(st.booleans())},
            )
            for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
        ]
        level = levels[min(step, 1)] if draw(st.booleans()) else levels[1]
        level = level if not step else levels[1]
        pods = [
            enabling.pod(name, space, hostNetwork=True)
            for name in draw(st.lists(st.sampled_from(NAMES), unique=True) if level == levels[1] else st.just([]))
        ]
        made = [enabling.labelled(objects.namespace(space), enforce=level), enabling.definition(group, **fields)]
        if not judge.step([*made, *sites, *pods], estimated=True):
            raise Broken(f"refused\n{yaml.safe_dump(judge.told, sort_keys=False)}")
        judge.hold_live([f"Site.{group}"], sites)
    return True
