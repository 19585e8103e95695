"""Copies of sets' objects: what a restore into another namespace makes of them.

Velero restores labels, annotations and managed fields as they were. A copy is no object of the set (it does not name
itself), and with the set's label it would only be named in the comment of every run.
"""

from __future__ import annotations

from typing import Any

from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.manifests.identity import SET_LABEL, names_itself, stub_of


def release(kubectl: Kubectl, namespace: str) -> None:
    """Take the label and the annotation of sets off the copies in a namespace, off itself and off its volumes."""
    out = kubectl.run("api-resources", "--namespaced=true", "--verbs=list,patch", "--output=name")
    labelled = f"--selector={SET_LABEL}"
    found = kubectl.objects("get", ",".join(out.split()), "--namespace", namespace, labelled, what=f"get {namespace}")
    found += kubectl.objects("get", "namespaces", f"--field-selector=metadata.name={namespace}", labelled)
    found += [obj for obj in kubectl.objects("get", "persistentvolumes", labelled) if _claimed_from(obj) == namespace]
    kubectl.release([stub_of(obj) for obj in found if not names_itself(obj)])


def _claimed_from(volume: dict[str, Any]) -> str | None:
    return ((volume.get("spec") or {}).get("claimRef") or {}).get("namespace")
