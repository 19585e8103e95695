"""Salt Cloud's ``vmware`` driver with one correction: ``list_nodes_min`` as Salt Cloud itself reads it.

saltext.vcf-cloud 0.1.1 returns ``{name: state}`` where Salt Cloud expects ``{name: {"state": state}}``, so that a map
run fails as soon as a VM of it exists ("string indices must be integers"). This module is the driver with that one
function wrapped. Put in place by ``salt-run saltutil.sync_clouds`` or by the state ``k8s.cloud``.

A module synced under a driver's name hides that driver whatever its ``__virtual__`` returns, so this one also has to
carry the driver that Salt 3006 ships, which needs no correction. With neither installed ``__virtual__`` says what is
missing.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from salt.utils.functools import namespaced_function

try:
    from saltext.vcf_cloud.clouds import vmware as _driver
except ImportError:
    try:
        from salt.cloud.clouds import vmware as _driver
    except ImportError:
        _driver = None

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
