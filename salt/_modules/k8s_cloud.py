"""Salt Cloud's configuration for the cluster's VMs, on the minion of the Salt master.

Nothing here contacts the vCenter: operators run ``salt-cloud`` themselves, on the map that ``k8s.cloud`` writes.
"""

from __future__ import annotations

import importlib.util
import posixpath

import salt.config
from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments
from saltk8s.cloud import salt_cloud

__func_alias__ = {"map_": "map"}


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


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # a parent package is missing
        return False


arguments.guard(globals(), SaltInvocationError, CommandExecutionError)
