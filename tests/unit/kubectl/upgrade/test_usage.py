"""Who uses an API that goes: read out of an API server's metrics and out of objects' field managers."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.upgrade import removed_apis, usage

OLD, NEW = "v1.31.10-rancher1-1", "v1.32.6-rancher1-1"
FLOW = "flowcontrol.apiserver.k8s.io"


def line(group=FLOW, version="v1beta3", resource="flowschemas", removed="1.32", value="1", subresource=""):
    return (
        f'apiserver_requested_deprecated_apis{{group="{group}",removed_release="{removed}",resource="{resource}",'
        f'subresource="{subresource}",version="{version}"}} {value}\n'
    )


def test_what_the_next_version_does_not_serve():
    text = (
        f"# HELP {usage.METRIC} x\n# TYPE {usage.METRIC} gauge\n{line()}{line()}{line(subresource='status')}other 1\n"
    )
    found = usage.requested(text, OLD, NEW)
    assert [str(one) for one in found] == [f"flowschemas of {FLOW}/v1beta3", f"flowschemas/status of {FLOW}/v1beta3"]


@pytest.mark.parametrize(
    "other",
    [
        line(removed=""),  # deprecated, and nobody knows until when: componentstatuses
        line(group="", version="v1", resource="componentstatuses", removed=""),
        line(removed="1.33"),
        line(removed="1.31"),  # this version does not serve it either: the count is older than the upgrade
        line(value="0"),
        line(removed="next"),
        "apiserver_requested_deprecated_apis_total 7\n",
    ],
)
def test_what_does_not_count(other):
    assert usage.requested(other, OLD, NEW) == []


def test_numbers_are_compared_as_numbers():
    assert usage.requested(line(removed="1.100"), "v1.99.1", "v1.100.0")
    assert not usage.requested(line(removed="1.100"), "v1.9.0", "v1.10.0")


def test_field_managers_of_what_goes():
    (removed, *_) = removed_apis.between(OLD, NEW)
    entries = [{"manager": "old", "apiVersion": f"{FLOW}/v1beta3"}, {"manager": "new", "apiVersion": f"{FLOW}/v1"}]
    obj = {"apiVersion": f"{FLOW}/v1", "kind": "FlowSchema", "metadata": {"name": "a", "managedFields": entries}}
    bare = {"apiVersion": f"{FLOW}/v1", "kind": "FlowSchema", "metadata": {"name": "b"}}
    assert usage.managed([obj, bare], removed) == [("FlowSchema a", "old", f"{FLOW}/v1beta3")]
