"""vSphere: nodes known to the vCenter, claims that become volumes in it. Attaching one needs a hypervisor."""

from __future__ import annotations

import base64

import pytest
from conftest import NODES, until
from manifests import listing

SERVICE = "vsphere"
TAINT = "node.cloudprovider.kubernetes.io/uninitialized"
DRIVER = "csi.vsphere.vmware.com"


@pytest.mark.parametrize("name", sorted(NODES))
def test_a_node_is_what_the_vcenter_says(lab, name):
    node = lab.objects("node", name)
    assert node["spec"]["providerID"].startswith("vsphere://")
    addresses = {(one["type"], one["address"]) for one in node["status"]["addresses"]}
    assert ("InternalIP", NODES[name]) in addresses
    assert TAINT not in {taint["key"] for taint in node["spec"].get("taints", [])}


def test_every_node_has_a_vm_of_its_own(lab):
    ids = {node["spec"]["providerID"] for node in lab.objects("nodes")["items"]}
    assert len(ids) == len(NODES)


@pytest.mark.parametrize("name", sorted(NODES))
def test_the_driver_is_registered(lab, name):
    drivers = {one["name"]: one["nodeID"] for one in lab.objects("csinode", name)["spec"]["drivers"] or ()}
    wanted = lab.objects("node", name)["spec"]["providerID"].removeprefix("vsphere://")
    assert drivers[DRIVER].lower() == wanted.lower()


def claim(name: str) -> dict:
    """A claim of one GiB in the class of the vCenter."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "storageClassName": "san",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def deleted_in_the_vcenter(lab, handle: str) -> bool:
    """Whether the driver's log says that the vCenter deleted a volume."""
    controller = ("deployment/vsphere-csi-controller", "-c", "vsphere-csi-controller")
    log = lab.kubectl("-n", "vsphere-system", "logs", *controller)
    return any(handle in line and "eleted" in line and "successfully" in line for line in log.splitlines())


def test_a_claim_becomes_a_volume_and_goes_with_it(lab, namespace):
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(claim("data")))

    def bound() -> bool:
        return lab.objects("-n", namespace, "pvc", "data")["status"]["phase"] == "Bound"

    until(bound, "the claim is bound")
    name = lab.objects("-n", namespace, "pvc", "data")["spec"]["volumeName"]
    volume = lab.objects("pv", name)["spec"]
    assert volume["csi"]["driver"] == DRIVER
    assert volume["csi"]["volumeHandle"]
    assert volume["capacity"]["storage"] == "1Gi"
    lab.kubectl("-n", namespace, "delete", "pvc", "data", "--wait=true", "--timeout=60s")
    found = ("get", "pv", name, "--ignore-not-found", "-o", "name")
    until(lambda: not lab.kubectl(*found).strip(), "the volume is deleted")
    until(lambda: deleted_in_the_vcenter(lab, volume["csi"]["volumeHandle"]), "the vCenter's volume is deleted", 30)


def test_the_password_is_in_secrets_alone(lab):
    secret = lab.objects("-n", "vsphere-system", "secret", "vsphere-config-secret")
    text = base64.b64decode(secret["data"]["csi-vsphere.conf"]).decode()
    password = text.split('password = "')[1].split('"')[0]
    assert password
    for kind in ("configmaps", "deployments", "daemonsets", "events"):
        assert password not in lab.kubectl("-n", "vsphere-system", "get", kind, "-o", "yaml")
    for workload in ("deployment/vsphere-cloud-controller-manager", "deployment/vsphere-csi-controller"):
        assert password not in lab.kubectl("-n", "vsphere-system", "logs", workload, "--all-containers")
