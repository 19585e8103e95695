"""The APIs that each minor version of Kubernetes no longer serves: one table. Pure.

Source: ``APILifecycleRemoved`` in the module k8s.io/api. Those that went with 1.30 and before are not here: no engine
offers an older cluster.
"""

from __future__ import annotations

from typing import NamedTuple

from saltk8s.kubectl.manifests.identity import Kind
from saltk8s.pillar.vocabulary import values

_ADMISSION, _FLOW = "admissionregistration.k8s.io", "flowcontrol.apiserver.k8s.io"
_CLAIMS = ("ResourceClaim", "ResourceClaimTemplate")
_POLICIES = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


class Removed(NamedTuple):
    """An API version that is gone from a release on. replacement: the version of the same group to use, "" for none."""

    release: tuple[int, int]
    group: str
    version: str
    kinds: tuple[str, ...]
    replacement: str = ""

    @property
    def api_version(self) -> str:
        """As manifests have it."""
        return f"{self.group}/{self.version}"

    @property
    def readable(self) -> list[Kind]:
        """The kinds as they can be read without asking for what is removed: that would count as its use."""
        return [Kind(self.group, kind, self.replacement) for kind in self.kinds] if self.replacement else []


TABLE = (
    Removed((1, 31), "resource.k8s.io", "v1alpha2", (*_CLAIMS, "ResourceClass")),
    Removed((1, 32), _FLOW, "v1beta3", ("FlowSchema", "PriorityLevelConfiguration"), "v1"),
    Removed((1, 32), _ADMISSION, "v1alpha1", _POLICIES, "v1"),
    Removed((1, 32), "authentication.k8s.io", "v1alpha1", ("SelfSubjectReview",)),
    Removed((1, 33), "authentication.k8s.io", "v1beta1", ("SelfSubjectReview",)),
    Removed((1, 34), _ADMISSION, "v1beta1", _POLICIES, "v1"),
    Removed((1, 35), "storage.k8s.io", "v1alpha1", ("VolumeAttributesClass",)),
    Removed((1, 37), "networking.k8s.io", "v1beta1", ("IPAddress", "ServiceCIDR"), "v1"),
    Removed((1, 37), "storage.k8s.io", "v1beta1", ("VolumeAttributesClass",)),
    Removed((1, 37), "certificates.k8s.io", "v1alpha1", ("ClusterTrustBundle",)),
    Removed((1, 38), "coordination.k8s.io", "v1alpha2", ("LeaseCandidate",)),
    Removed((1, 38), "resource.k8s.io", "v1beta1", ("DeviceClass", *_CLAIMS, "ResourceSlice")),
)


def minor(version: str) -> tuple[int, int]:
    """Return the first two numbers of a version such as ``v1.32.6-rancher1-1``, (0, 0) when it is none."""
    numbers = values.version(version)
    return numbers[:2] if numbers else (0, 0)


def between(old: str, new: str) -> list[Removed]:
    """Return what one version serves and another one no longer does; nothing for a patch, or backwards."""
    return [one for one in TABLE if minor(old) < one.release <= minor(new)]


def release_without(api_version: str, kind: str) -> tuple[int, int] | None:
    """Return the first minor version that does not serve a kind at a version, None when none is known."""
    gone = [one.release for one in TABLE if one.api_version == api_version and kind in one.kinds]
    return min(gone, default=None)
