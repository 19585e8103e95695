"""Salt Cloud's ``vmware`` driver with one correction, and a record of each VM that it creates.

The correction: ``list_nodes_min`` as Salt Cloud itself reads it.

saltext.vcf-cloud 0.1.1 returns ``{name: state}`` where Salt Cloud expects ``{name: {"state": state}}``, so that a map
run fails as soon as a VM of it exists ("string indices must be integers"). This module is the driver with that one
function wrapped. Put in place by ``salt-run saltutil.sync_clouds`` or by the state ``k8s.cloud``.

A module synced under a driver's name hides that driver whatever its ``__virtual__`` returns, so this one also has to
carry the driver that Salt 3006 ships, which needs no correction. With neither installed ``__virtual__`` says what is
missing.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

from salt.utils.functools import namespaced_function

try:
    from saltext.vcf_cloud.clouds import vmware as _driver
except ImportError:
    try:
        from salt.cloud.clouds import vmware as _driver
    except ImportError:
        _driver = None

log = logging.getLogger(__name__)

__virtualname__ = "vmware"

# The driver's functions work in this module's namespace: the loader gives configuration and the active provider to
# the module that it loaded, and Salt Cloud to the functions of that module.
for _name, _function in inspect.getmembers(_driver, inspect.isfunction):
    if _function.__module__ == _driver.__name__:
        globals()[_name] = namespaced_function(_function, globals())

if _driver is None:

    def __virtual__():
        return False, "this Salt has no vmware driver: install saltext.vcf-cloud (0.1.1 or newer)"

else:
    _driver_list_nodes_min = globals()["list_nodes_min"]

    def list_nodes_min(kwargs=None, call=None):
        """Return the VMs and templates of the provider with their power state: ``{name: {"state": state}}``.

        kwargs, call: what Salt Cloud passes to every function of a driver.

        CLI Example:

        .. code-block:: bash

            salt-cloud -f list_nodes_min osug
        """
        nodes = _driver_list_nodes_min(kwargs, call)
        return {name: node if isinstance(node, Mapping) else {"state": node} for name, node in nodes.items()}

    _driver_create = globals()["create"]

    def create(vm_):
        """Create a VM and record its instance UUID, also when Salt Cloud fails after the VM was cloned.

        vm_: what Salt Cloud passes to every driver. Returns what the driver returns. A VM of that name that existed
        before is none of ours, and is not recorded.

        CLI Example:

        .. code-block:: bash

            salt-cloud -m /etc/salt/cloud.maps.d/osug.map -P -y
        """
        existed = _instance_uuid(vm_["name"])
        try:
            return _driver_create(vm_)
        finally:
            if not existed:
                _record(vm_["name"])

    def _instance_uuid(name):
        utils = getattr(_driver, "salt_vmware", None) or _driver.salt.utils.vmware
        connected = globals()["_service_instance" if "_service_instance" in globals() else "_get_si"]()
        wanted = ["name", "config.instanceUuid"]
        found = utils.get_mors_with_properties(connected, _driver.vim.VirtualMachine, property_list=wanted)
        return next((one.get("config.instanceUuid") for one in found if one["name"] == name), None)

    def _record(name):
        """Write the record whole or not at all. A VM without one still runs: that is said, and no error of its own."""
        try:
            uuid = _instance_uuid(name)
            if not uuid:
                return
            alias = _get_active_provider_name().split(":")[0]  # noqa: F821  the driver's
            folder = Path(__opts__["conf_file"]).parent / "cloud.vms.d" / alias  # noqa: F821  Salt's
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            when = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
            provider = get_configured_provider()["url"]  # noqa: F821  the driver's
            content = {"provider": provider, "instance_uuid": uuid, "created": when, "by": "salt-cloud"}
            temporary = folder / f".{name}.{os.getpid()}"
            temporary.write_text(json.dumps(content) + "\n", encoding="utf-8")
            temporary.chmod(0o600)
            temporary.replace(folder / f"{name}.json")
        except Exception as err:  # noqa: BLE001
            log.error("%s is not recorded as created by us (k8s_cloud.adopt does that): %s", name, err)
