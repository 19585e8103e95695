"""The schema of ``k8s:services``: one entry a service, as in defaults.yaml and under ``salt/k8s/``."""

from __future__ import annotations

from saltk8s import schema_values as values
from saltk8s.schema_addresses import AddressRange
from saltk8s.schema_types import Bool, Enum, Key, List, Map, Section

ENABLED = Key(Bool(), "Whether the service is deployed.")


def _images(*names: str) -> Key:
    """Return the key of a service's images; ``{version}`` in one stands for the service's version."""
    return Key(
        Section({name: Key(values.Image, f"Image of the {name}.") for name in names}),
        "Images; `{version}` is the service's version. They are pulled through `k8s:registry` when that is set.",
    )


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

METALLB = Section(
    {
        "enabled": ENABLED,
        "version": Key(values.ReleaseVersion, "MetalLB's version."),
        "images": _images("controller", "speaker"),
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

SERVICES = Section({"metallb": Key(METALLB, "Addresses for services of type LoadBalancer.")}, in_order=True)
