"""The rows of ``tests/cases/fences.yaml``: what a tenant asks for, and what the API server says to it.

Shared by the functional test and by the end-to-end suite. Many objects are asked for with one kubectl: it goes on after
a refusal, and its messages name the object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import yaml

CASES = Path(__file__).resolve().parents[1] / "cases" / "fences.yaml"
VERSIONS = {
    "v1": ("Pod", "ConfigMap", "Secret", "Service", "PersistentVolumeClaim", "ReplicationController", "ServiceAccount"),
    "apps/v1": ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"),
    "batch/v1": ("Job", "CronJob"),
    "networking.k8s.io/v1": ("Ingress", "NetworkPolicy"),
    "policy/v1": ("PodDisruptionBudget",),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "rbac.authorization.k8s.io/v1": ("Role", "RoleBinding"),
    "traefik.io/v1alpha1": (
        *("IngressRoute", "IngressRouteTCP", "Middleware", "MiddlewareTCP", "TLSOption", "TLSStore"),
        *("ServersTransport", "ServersTransportTCP", "TraefikService"),
    ),
}
VERSION_OF = {kind: version for version, kinds in VERSIONS.items() for kind in kinds}
TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob")
WITHOUT_SPEC = ("ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding")
FIXED = ("Pod", "PersistentVolumeClaim", "StatefulSet", "Job")
FINALIZER = "fences.example/stay"
Run = Callable[..., Any]  # kubectl of the tenant: run(*words, stdin=text) -> a completed process


class Case(NamedTuple):
    """A row as an object: ``refused`` is part of the message, None where the tenant may."""

    title: str
    obj: dict[str, Any]
    refused: str | None
    words: tuple[str, ...]  # kubectl's, such as --field-manager

    @property
    def name(self) -> str:
        return self.obj["metadata"]["name"]

    @property
    def kind(self) -> str:
        return self.obj["kind"]

    @property
    def changeable(self) -> bool:
        """Whether an update of another object could make it this one: not its name, nor what its kind fixes."""
        return self.kind not in FIXED and self.name.startswith("fence-")

    @property
    def of_pods_alone(self) -> bool:
        """Whether it is Pod Security or the LimitRange that refuses: both look at pods, not at what makes them."""
        return any(word in (self.refused or "") for word in ("violates PodSecurity", "usage per Pod"))


def cases(domain: str, image: str, space: str) -> list[Case]:
    """The rows for a place: DOMAIN, IMAGE and SPACE, its namespace, are replaced in their text."""
    text = CASES.read_text(encoding="utf-8")
    for word, value in (("DOMAIN", domain), ("IMAGE", image), ("SPACE", space)):
        text = text.replace(word, value)
    rows = yaml.safe_load(text)
    return [_case(row, image, f"fence-{number}") for number, row in enumerate(rows["refused"] + rows["allowed"])]


def _case(row: dict[str, Any], image: str, name: str) -> Case:
    (kind,) = set(row) & set(VERSION_OF)
    meta = {"name": name} | row.get("meta", {})
    obj: dict[str, Any] = {"apiVersion": VERSION_OF[kind], "kind": kind, "metadata": meta}
    if kind in WITHOUT_SPEC:
        obj |= row[kind]
    elif kind == "Pod":
        obj["spec"] = pod(image, row[kind], row.get("box"))
    elif kind in TEMPLATED:
        obj["spec"] = workload(kind, name, pod(image, row[kind], row.get("box"))) | row.get("spec", {})
    else:
        obj["spec"] = row[kind]
    return Case(f"{kind}: {row['name']}", obj, row.get("refused"), tuple(row.get("words", ())))


def pod(image: str, more: dict[str, Any], box: dict[str, Any] | None = None) -> dict[str, Any]:
    """A pod's specification that keeps the level restricted, with more over it."""
    own = {"name": "main", "image": image, "command": ["sleep", "infinity"]}
    own |= {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}} | (box or {})
    user = {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}}
    return {"automountServiceAccountToken": False, "securityContext": user, "containers": [own]} | more


def workload(kind: str, name: str, spec: dict[str, Any], asleep: bool = False) -> dict[str, Any]:
    """The specification of a workload of one of the kinds around that of a pod; asleep: it starts none."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": spec}
    if kind in ("Job", "CronJob"):
        spec["restartPolicy"] = spec.get("restartPolicy", "Never")
        if kind == "Job":
            return {"template": template} | ({"suspend": True} if asleep else {})
        return {"schedule": "0 1 * * *", "suspend": asleep, "jobTemplate": {"spec": {"template": template}}}
    selector = labels if kind == "ReplicationController" else {"matchLabels": labels}
    found: dict[str, Any] = {"selector": selector, "template": template}
    if kind == "StatefulSet":
        found["serviceName"] = name
    if asleep and kind == "DaemonSet":
        spec["nodeSelector"] = {"fences.example/none": "none"}
    elif asleep:
        found["replicas"] = 0
    return found


def wrapped(case: Case) -> list[Case]:
    """A pod's case as that of every kind that makes pods."""
    found = []
    for kind in TEMPLATED:
        name = f"{case.name}-{kind.lower()}"
        spec = workload(kind, name, deepcopy(case.obj["spec"]))
        inner = spec["jobTemplate"]["spec"] if kind == "CronJob" else spec
        made, meta = inner["template"]["metadata"], case.obj["metadata"]
        made |= {"labels": made["labels"] | meta.get("labels", {}), "annotations": meta.get("annotations", {})}
        obj = {"apiVersion": VERSION_OF[kind], "kind": kind, "metadata": {"name": name}, "spec": spec}
        found.append(case._replace(obj=obj))
    return found


def twins(found: list[Case], every: list[Case], **meta: Any) -> list[Case]:
    """Harmless objects of the same kinds and names: the first allowed row of each kind, with more metadata."""
    made = []
    for case in found:
        like = next(one for one in every if one.kind == case.kind and one.refused is None)
        obj = deepcopy(like.obj) | {"metadata": {"name": case.name, **meta}}
        if case.kind in TEMPLATED:
            spec = pod_of(like.obj)
            obj["spec"] = workload(case.kind, case.name, spec, asleep=True)
        made.append(Case(f"{case.kind}: harmless", obj, None, ()))
    return made


def pod_of(obj: dict[str, Any]) -> dict[str, Any]:
    """A copy of the pod's specification in a workload."""
    spec = obj["spec"]
    if obj["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return deepcopy(spec["template"]["spec"])


def creatable(run: Run, space: str) -> set[str]:
    """What can be created in the namespace and stays, by resource and group: ``configmaps``, ``jobs.batch``."""
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": space}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    rules = json.loads(run("create", "--raw", path, "-f", "-", stdin=json.dumps(review)).stdout)["status"][
        "resourceRules"
    ]
    found = {
        f"{resource}.{group}".rstrip(".")
        for rule in rules
        if {"create", "*"} & set(rule["verbs"])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    # reviews are answered and not kept, Events are limited otherwise, and extensions is served no more
    unkept = re.compile(r"/|reviews|^events|[.]extensions$")
    return {name for name in found if not unkept.search(name)}


def uncounted(run: Run, space: str, hard: dict[str, str]) -> set[str]:
    """What can be created without end, for the quota does not count it."""
    return creatable(run, space) - {key.removeprefix("count/") for key in hard}


def listing(objects: Iterable[dict[str, Any]]) -> str:
    """The objects as one List."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def answers(run: Run, found: list[Case], verb: str = "create", *words: str) -> dict[str, str]:
    """Ask for the objects, those with the same ``words`` at once; return {name: refusal}, "" where it was accepted."""
    told: dict[str, str] = {}
    for own in sorted({case.words for case in found}):
        group = [case for case in found if case.words == own]
        assert len({case.name for case in group}) == len(group), "two of the same name"
        done = run(verb, *own, *words, "-f", "-", stdin=listing(case.obj for case in group))
        told |= _by_name(done.stdout, done.stderr, [case.name for case in group])
    return told


def _by_name(out: str, err: str, names: list[str]) -> dict[str, str]:
    """What kubectl says of each object: a line of stdout when it was accepted, lines of stderr when not."""
    told = {name: "" for name in names if re.search(rf"^\S+/{re.escape(name)} ", out, re.M)}
    name = ""
    for line in err.splitlines():
        if line.startswith("Warning:"):
            continue
        quoted = [one for one in re.findall(r'"([^"\s]+)"', line) if one in names]
        name = quoted[0] if quoted else name
        if name:
            told[name] = f"{told.get(name, '')}{line}\n"
    lost = set(names) - set(told)
    assert not lost, f"kubectl says nothing of {sorted(lost)}:\n{out}\n{err}"
    return told


def wrong(told: dict[str, str], found: list[Case]) -> list[str]:
    """What was not answered as its row says, one line each."""
    lines = []
    for case in found:
        said = told[case.name].strip()
        if case.refused is None and said:
            lines.append(f"{case.title}: refused: {said}")
        elif case.refused is not None and case.refused not in said:
            lines.append(f"{case.title}: {said or 'accepted'}\n    instead of: {case.refused}")
    return lines
