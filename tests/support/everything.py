"""A pillar that uses everything at once: every service is on, and there is a name wherever the schema takes one."""

from __future__ import annotations

from typing import Any

from tests.support import pillars


def patch() -> dict[str, Any]:
    """Return what is laid over the example. Every name in it begins with ``zz-``, so that it can be exchanged."""
    return {
        "extra": [{"source": "https://site.osug.example/objects.yaml", "sha256": "ab" * 32}],
        "locations": {"zz-location": {"s3": {
            "endpoint": "https://s3.osug.example", "bucket": "zz-bucket", "access_key": "a", "secret_key": "b",
        }}, "zz-own": {"s3": {
            "endpoint": "https://s3.osug.example", "bucket": "zz-tenants", "access_key": "c", "secret_key": "d",
        }}},
        "nodes": {
            "k8s-w1": {"labels": {"zz-node-label": "zz-node-value"}, "taints": ["zz-taint=zz-effect:NoSchedule"]},
        },
        "cluster": {"extra_args": {
            program: {"zz-flag": "zz-flag-value"}
            for program in ("kubelet", "kube_proxy", "kube_apiserver", "kube_controller", "scheduler", "etcd")
        }},
        "docker": {"options": {"zz-option": "zz-option-value"}},
        "authentication": {"oidc": {
            "issuer": "https://login.osug.example", "client_id": "zz-client", "ca": pillars.certificate()[0],
        }},
        "services": {
            "canal": {"policies": {"enabled": True, "trusted_namespaces": ["zz-trusted"]}},
            "metallb": {
                "enabled": True,
                "node_selector": {"zz-ml-label": "zz-ml-value"},
                "pools": {
                    "zz-pool": {
                        "addresses": ["10.30.0.0/24"], "announce": "bgp", "namespaces": ["zz-pool-space"],
                        "node_selector": {"zz-pool-label": "zz-pool-value"},
                        "bgp": {"peers": ["zz-peer"], "communities": ["zz-community"]},
                    },
                    "zz-pool-l2": {"addresses": ["10.30.1.0/24"]},
                },
                "bgp": {
                    "mode": "frr-k8s", "frr_namespace": "zz-frr",
                    "communities": {"zz-community": "65535:65281"},
                    "bfd_profiles": {"zz-bfd": {"detect_multiplier": 3}},
                    "peers": {"zz-peer": {
                        "address": "10.20.0.3", "my_asn": 64512, "peer_asn": 64513, "bfd": "zz-bfd", "password": "x",
                        "node_selector": {"zz-peer-label": "zz-peer-value"},
                    }},
                },
            },
            "traefik": {
                "enabled": True, "node_selector": {"zz-tr-label": "zz-tr-value"},
                "metrics": {"enabled": True, "namespaces": ["zz-tr-metrics"]}, "namespaces": ["zz-routes"],
            },
            "nfs": {"enabled": True, "exports": {
                "zz-export": {"server": "nas.osug.example", "path": "/a", "driver": "csi"},
                "zz-subdir": {"server": "nas.osug.example", "path": "/b", "driver": "subdir"},
            }},
            "vsphere": {"enabled": True, "user": "k8s@osug", "storage_classes": {
                "zz-disk": {"policy": "zz-policy"}, "zz-disks": {"datastore": "ds:///vmfs/volumes/5a1b-93c2/"},
            }},
            "prometheus": {
                "enabled": True, "storage": "zz-disk", "readers": ["zz-reader"],
                "probes": {"zz-probe": "https://portal.osug.example"},
                "receivers": {"zz-receiver": {"webhooks": ["http://hook.osug.example/"], "namespaces": ["zz-alerts"]}},
                "grafana": {"image": "docker.io/grafana/grafana:12.1.0", "host": "zz-grafana", "admin_password": "x"},
            },
            "backup": {
                "enabled": True, "engine": "velero", "location": "zz-location",
                "namespaces": {"include": ["zz-saved"], "exclude": ["zz-left"]},
                "hooks": {"zz-hook": {
                    "namespace": "zz-saved", "selector": {"zz-hook-label": "zz-hook-value"}, "before": ["true"],
                    "container": "zz-box", "image": "postgres:16.4",
                }},
            },
            "tenants": {
                "enabled": True, "ingress_namespaces": ["zz-ingress"], "monitoring_namespaces": ["zz-monitoring"],
            },
        },
        "tenants": {
            "zz-tenant": {
                "namespaces": ["zz-space"], "admins": ["zz-admins"], "storage_classes": ["zz-disk"],
                "kubeconfig": {},
                "registry_login": {"username": "zz-login", "password": "x"},
                "backup": {"keep": "90d", "location": "zz-own", "encryption_password": "x"},
                "quota": {"storage_classes": {"zz-disk": 10}, "objects": {"zz-things": 10}},
                "opens": {"from": ["zz-other"], "to": {"tenants": ["zz-other"]}},
            },
            "zz-other": {},
            "resif": {"backup": {"keep": None}},
        },
    }  # fmt: skip


def tree() -> dict[str, Any]:
    """Return the whole tree below ``k8s``."""
    return pillars.merge(pillars.full(), patch())
