"""What rke leaves open and can close: admission, kubelets, and addresses that programs listen on."""

from __future__ import annotations

from typing import Any

# rke passes flags that are given once before those that are given several times: the issuer of new tokens comes first
ISSUER = "service-account-issuer"
RKE_ISSUER = "rke"  # of tokens that were issued before; no URL, so nobody outside can verify them
# of rke's own system workloads; its other namespaces do not exist here, and all others are labelled
EXEMPT_NAMESPACES = ["kube-system"]
# of one namespace: a rollout of some hundred pods passes, a loop does not fill etcd; of all: rke's own figure
EVENTS = {"Namespace": {"qps": 50, "burst": 1000, "cacheSize": 2000}, "Server": {"qps": 5000, "burst": 20000}}

ETCD_BYTES = 8 * 2**30  # etcd's highest; at its default of 2 GiB a few tenants with full quotas end every write


def admission(wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what ``services.kube-api`` of rke has on admission. wanted: ``k8s:cluster:admission``."""
    level = wanted["pod_security"]
    pod_security = {
        "apiVersion": "pod-security.admission.config.k8s.io/v1",
        "kind": "PodSecurityConfiguration",
        "defaults": {"enforce": level, "enforce-version": "latest"},
        "exemptions": {"namespaces": EXEMPT_NAMESPACES},
    }
    found: dict[str, Any] = {
        "always_pull_images": wanted["always_pull_images"],
        "event_rate_limit": {"enabled": False},
        # rke's own key knows two levels only, and exempts a namespace of an ingress that is not here
        "admission_configuration": {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AdmissionConfiguration",
            "plugins": [{"name": "PodSecurity", "configuration": pod_security}],
        },
    }
    if wanted["event_rate_limit"]:
        limits = [{"type": kind, **numbers} for kind, numbers in EVENTS.items()]
        configuration = {
            "apiVersion": "eventratelimit.admission.k8s.io/v1alpha1",
            "kind": "Configuration",
            "limits": limits,
        }
        found["event_rate_limit"] = {"enabled": True, "configuration": configuration}
    return found


def flags(cluster: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return flags of the components, by the pillar's name of each. cluster: the model's ``cluster``."""
    kubelet = cluster["kubelet"]
    return {
        "kubelet": {
            "pod-max-pids": kubelet["pod_max_pids"],
            "protect-kernel-defaults": kubelet["protect_kernel_defaults"],
            "seccomp-default": kubelet["seccomp_default"],
        },
        "etcd": {"quota-backend-bytes": ETCD_BYTES},
        "kube_apiserver": {ISSUER: f"https://kubernetes.default.svc.{cluster['dns_domain']}"},
        # asked by nobody but rke on the node itself; there are no metrics of theirs in the monitoring
        "kube_controller": {"bind-address": "127.0.0.1"},
        "scheduler": {"bind-address": "127.0.0.1"},
    }
