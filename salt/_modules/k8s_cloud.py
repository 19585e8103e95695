"""Salt Cloud for the cluster's VMs, on the minion of the Salt master: its configuration, and the VMs that are missing.

``k8s_cloud.create`` alone contacts the vCenter, with the ``salt-cloud`` that operators can run themselves, on the map
that ``k8s.cloud`` writes.
"""

from __future__ import annotations

import importlib.util
import posixpath
import shutil
import sys
from pathlib import Path

import salt.config
from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments, errors, process
from saltk8s.cloud import machines, salt_cloud

__func_alias__ = {"map_": "map"}

LIST_S, CREATE_S = 120, 3600  # Salt Cloud itself waits up to 20 minutes for the address of a VM


def _model(secrets: bool = True, **kwargs) -> dict:
    """The model; secrets are redacted in it unless asked for, and when the arguments are those of a job."""
    model = __salt__["k8s_config.get"](secrets=secrets, **kwargs)
    if not model.get("cloud"):
        raise CommandExecutionError("the pillar has no k8s:cloud: nothing to configure Salt Cloud with")
    return model


def provider(secrets: bool = False, **kwargs) -> dict:
    """Return the Salt Cloud provider of the cluster, with ``<redacted>`` as its password.

    secrets
        True: with the password, for a template; not for a job, whose return is stored.

    Returns ``{cluster: {driver, url, port, user, password, verify_ssl, minion}}``.
    Raises CommandExecutionError when the pillar is not valid or has no ``k8s:cloud``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.provider
    """
    return salt_cloud.provider(_model(secrets, **kwargs))


def profiles() -> dict:
    """Return the Salt Cloud profiles, one a VM shape.

    Returns ``{<cluster>-<shape>: profile}``; ``memory`` is text such as ``8GB``, disk sizes are numbers in GiB.
    Raises CommandExecutionError when the pillar is not valid or has no ``k8s:cloud``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.profiles
    """
    return salt_cloud.profiles(_model())


def map_() -> dict:
    """Return the Salt Cloud map: the VMs of the cluster by profile.

    Returns ``{profile: [{node: overrides}]}``; nodes without a shape are not in it.
    Raises CommandExecutionError when the pillar is not valid or has no ``k8s:cloud``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.map
    """
    return salt_cloud.vm_map(_model())


def text(part: str, secrets: bool = False, **kwargs) -> str:
    """Return the content of a configuration file; the state ``k8s.cloud`` writes it.

    part
        ``provider``, ``profiles``, ``map``, ``conf``, or the path of a private key as in ``key_files``.
    secrets
        True: with the secrets in it, for a template; not for a job (from the command line, say): returns are stored.

    Returns text, in which secrets are ``<redacted>``.
    Raises CommandExecutionError for another part, and when the pillar is not valid.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.text map
    """
    model = _model(secrets, **kwargs)
    if part in salt_cloud.PARTS:
        return salt_cloud.text(model, part)
    keys = salt_cloud.key_texts(model)
    if part not in keys:
        raise CommandExecutionError(f"no such part: {part}; expected one of {', '.join([*salt_cloud.PARTS, *keys])}")
    return keys[part].rstrip("\n") + "\n"


def key_files() -> list[str]:
    """Return the paths of the private keys that Salt Cloud logs in with on new VMs; empty when it does not.

    Raises CommandExecutionError when the pillar is not valid or has no ``k8s:cloud``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.key_files
    """
    return list(salt_cloud.key_texts(_model()))


def drivers() -> dict:
    """Return where the Salt master beside this minion keeps the Salt Cloud drivers synced to it.

    Returns ``{"path": folder, "user": the account that owns it}``, read from the master's configuration.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.drivers
    """
    master = salt.config.master_config(posixpath.join(_model()["cloud"]["config_dir"], "master"))
    return {"path": posixpath.join(master["extension_modules"], "clouds"), "user": master["user"]}


def advice() -> list[str]:
    """Return warnings for the operator before running the map: sentences, empty when there are none.

    A minion shares the Python of the Salt master beside it, so what it can import is what ``salt-cloud`` finds.
    Raises CommandExecutionError when the pillar is not valid or has no ``k8s:cloud``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.advice
    """
    model = _model()
    profiles_ = salt_cloud.profiles(model).values()
    warnings = []
    if not model["cloud"]["master_finger"] and any(profile["deploy"] for profile in profiles_):
        warnings.append(
            "Without k8s:cloud:master_finger a new VM trusts whoever answers first as the Salt master: set the "
            "fingerprint that `salt-key -F master` shows."
        )
    extension, in_tree = _found("saltext.vcf_cloud.clouds.vmware"), _found("salt.cloud.clouds.vmware")
    if not extension and not in_tree:
        warnings.append("This Salt has no vmware driver: install saltext.vcf-cloud 0.1.1 or newer on the Salt master.")
    if not extension and in_tree and any("tags" in profile for profile in profiles_):
        warnings.append(
            "Tags are given in k8s:cloud, but the vmware driver of this Salt ignores them: VMs get no tags."
        )
    if any(not profile["deploy"] for profile in profiles_):
        warnings.append(
            "Without ssh_private_key Salt Cloud installs no minion: the template has to have one that starts."
        )
    return warnings


def create(test: bool = False) -> dict:
    """Create the VMs of the map that the vCenter does not have, all at once; others are left alone.

    The map is the file that the state ``k8s.cloud`` wrote. Salt Cloud installs the minions, and the master accepts
    their keys.

    test
        True: only ask the vCenter which are missing.

    Returns a dict: ``changes`` (``{VM: {"old": None, "new": its profile}}``), ``lines``, and ``waits`` (True with
    test=True while Salt Cloud is not configured). Raises CommandExecutionError: Salt Cloud is not configured, cannot
    log in, or could not create a VM; a VM exists and the master has no key of its minion, because the installation was
    interrupted.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.create test=True
        salt 'salt.osug.example' k8s_cloud.create
    """
    model = _model()
    folder, name = model["cloud"]["config_dir"], model["cluster"]["name"]
    profiles_ = {vm: profile for profile, vms in salt_cloud.vm_map(model).items() for vm in machines.names({"": vms})}
    path = posixpath.join(folder, "cloud.maps.d", f"{name}.map")
    if not Path(folder, "cloud.providers.d", f"{name}.conf").exists():
        if test:  # the state before this one would write it
            return {"changes": {}, "lines": ["Salt Cloud is not configured yet: no vCenter was asked"], "waits": True}
        raise errors.Refused("Salt Cloud is not configured yet: apply k8s.cloud first")
    there = machines.existing(_salt_cloud(folder, LIST_S, "-f", "list_nodes_min", name)) & profiles_.keys()
    if any(salt_cloud.key_texts(model).values()):
        machines.refuse_half_made([vm for vm in profiles_ if vm in there], _accepted(folder))
    missing = [vm for vm in profiles_ if vm not in there]
    if missing and not test:
        machines.check_made(_salt_cloud(folder, CREATE_S, "-m", path, "-P", "-y"), missing)
    lines = [f"create VM {vm} ({profiles_[vm]})" for vm in missing] or ["every VM of the map exists"]
    return {"changes": {vm: {"old": None, "new": profiles_[vm]} for vm in missing}, "lines": lines}


def _salt_cloud(folder: str, timeout_s: float, *words: str) -> dict:
    program = shutil.which("salt-cloud") or str(Path(sys.executable).parent / "salt-cloud")
    done = process.run([program, "-c", folder, "--out=json", *words], timeout_s=timeout_s)
    return machines.answer(f"{done.out}\n{done.err}")


def _accepted(folder: str) -> list[str]:
    """The minions whose keys the master beside this minion has accepted."""
    keys = Path(salt.config.master_config(posixpath.join(folder, "master"))["pki_dir"], "minions")
    return [key.name for key in keys.iterdir()] if keys.is_dir() else []


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # a parent package is missing
        return False


arguments.guard(globals(), SaltInvocationError, CommandExecutionError, as_job=True)
