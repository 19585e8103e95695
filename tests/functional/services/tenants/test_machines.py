"""The platform's machines that the pillar has by a name: an address on the internet is told, in test mode too."""

from __future__ import annotations

import socket

import pytest
from tests.support import pillars


@pytest.fixture
def admin(loaders):
    """Make the admin minion with this as the name of the vCenter, whose address is public."""

    def made(vcenter: str, internet: bool = True):
        tree = pillars.merge(pillars.full(), {"cloud": {"provider": {"url": vcenter}}})
        for tenant in tree["tenants"].values():
            tenant["opens"] = {"internet": internet}
        return loaders(tree["cluster"]["admin"], pillar={"k8s": tree})

    return made


@pytest.fixture
def names(monkeypatch):
    """Let one name have a public address, and no other of the pillar's any."""
    real = socket.getaddrinfo

    def resolve(name, *args):
        if not str(name).endswith(".example"):
            return real(name, *args)  # Salt's own
        if name != "vcenter.public.example":
            raise OSError("no such name")
        return [(None, None, None, "", ("198.51.100.4", 0))]

    monkeypatch.setattr("socket.getaddrinfo", resolve)


@pytest.mark.parametrize("test", [True, False])
def test_a_machine_that_tenants_reach_is_told(admin, names, test):
    told = admin("vcenter.public.example").state("k8s_tenants.machines_closed", "tenants", test=test)
    assert told["result"] is False and told["changes"] == {}
    assert "reach vcenter.public.example at 198.51.100.4: add its network to" in told["comment"]


@pytest.mark.parametrize(("vcenter", "internet"), [("vcenter.osug.example", True), ("vcenter.public.example", False)])
def test_otherwise_there_is_nothing_to_tell(admin, names, vcenter, internet):
    told = admin(vcenter, internet).state("k8s_tenants.machines_closed", "tenants")
    assert told["result"] is True and told["changes"] == {}, told["comment"]
