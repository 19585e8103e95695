"""MetalLB: pools of addresses, and who answers for them."""

from __future__ import annotations

from typing import Any

from saltk8s import schema_values as values
from saltk8s.schema_addresses import AddressRange
from saltk8s.schema_types import Bool, Enum, Key, List, Map, Report, Section
from saltk8s.services import common

MEANING = "Addresses for services of type LoadBalancer."

_POOL = Section(
    {
        "addresses": Key(
            List(AddressRange(), least=1),
            "Ranges or networks; nobody else uses these addresses.",
            True,
            ["10.20.0.200-10.20.0.220"],
        ),
        "auto_assign": Key(Bool(), "Whether a service that does not name a pool may get an address of this one."),
        "namespaces": Key(List(values.DnsLabel), "Namespaces that may use it; all when empty.", example=["web"]),
    }
)

SCHEMA = Section(
    {
        "enabled": common.ENABLED,
        "version": Key(values.ReleaseVersion, "MetalLB's version."),
        "images": common.images("controller", "speaker"),
        "pools": Key(Map(values.DnsLabel, _POOL), "Address pools by name; at least one is needed."),
        "l2": Key(
            Section(
                {
                    "interfaces": Key(
                        List(values.Interface),
                        "Interfaces that answer for the addresses; all when empty.",
                        example=["ens192"],
                    )
                }
            ),
            "Announcement by ARP.",
        ),
        "node_selector": Key(
            values.Labels,
            "Labels of the nodes that answer for the addresses; all Linux nodes when empty.",
            example={"edge": "true"},
        ),
        "log_level": Key(Enum("debug", "info", "warn", "error"), "How much is logged."),
    }
)


def _has_a_pool(model: dict[str, Any], report: Report) -> None:
    """Without a pool, MetalLB has nothing to give."""
    metallb = (model["services"] or {}).get("metallb")
    path = ("k8s", "services", "metallb", "pools")
    if metallb and metallb["enabled"] and not metallb["pools"] and not report.concerns(*path):
        report.add(path, "at least one pool, or k8s:services:metallb:enabled: false", "none")


RULES = (_has_a_pool,)
