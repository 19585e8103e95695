"""The validated model of the platform: the pillar ``k8s`` over the defaults, for states, formulas and operators.

Every formula and module of the pack reads this model and never the pillar. Its keys are documented in
``docs/pillar.md``. Secrets are only in the model of the minions that hold them.
"""

from __future__ import annotations

import copy
import datetime
import hashlib
import json
import logging
import pickle
import time
from pathlib import Path

import salt.pillar
from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments, edges, errors, loader, yaml_text
from saltk8s.base import version as versions
from saltk8s.kubectl.client import scope
from saltk8s.pillar import images as references
from saltk8s.pillar import model as models
from saltk8s.pillar import schema_services
from saltk8s.services import status as statuses
from saltk8s.services import status_facts
from saltk8s.services.tenants import quota_report

log = logging.getLogger(__name__)

DEFAULTS = "salt://k8s/defaults.yaml"
DEFAULTS_KEPT_S = 30  # a long-running process reads the defaults again after this time
SECRET_ROLES = ("admin", "cloud")


def __virtual__():
    return "k8s_config"


def get(saltenv=None, secrets=False, **kwargs):
    """
    Return the model: the pillar ``k8s`` merged over the defaults, validated whole, with computed values.

    saltenv
        Salt environment of the pack's own files (the defaults, the rules of the monitoring), for this call and those
        after it in the same run. Default: the minion's ``saltenv``, else ``base``; also where that environment does
        not have the pack.
    secrets
        True: with the secrets in it, for a template or a module that needs them. A job (command line, schedule,
        orchestration) does not get them even so, because its return is stored; the mine and ``module.run`` do not
        ask for them.

    The result is the caller's own copy, in which secrets are ``<redacted>``.

    Returns a map with the keys of ``docs/pillar.md`` and these computed ones: ``nodes:NAME:name``, ``:ip`` (None for
    DHCP), ``:prefix`` (bits, or None); ``paths`` (``state_dir``, ``cluster_yml``, ``state_file``, ``kubeconfig``,
    ``ssh_key``, ``backups``, ``bin_dir``); ``minion`` (``id``, ``roles``: any of node, admin, cloud). Keys that nothing
    was said about are None.

    Raises CommandExecutionError that lists every problem when the pillar is not valid.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_config.get
    """
    _use(saltenv)
    model = _model()
    plain = secrets and not kwargs  # Salt says of a job which one it is
    return pickle.loads(pickle.dumps(model)) if plain else models.redacted(model)  # half the time of a deep copy


def validate(saltenv=None, tree=None):
    """
    Return whether this minion's pillar is valid.

    saltenv
        As in k8s_config.get.
    tree
        What stands below ``k8s`` in another pillar, which is judged in the place of the minion's own.

    Returns a map: ``valid`` (true or false), ``problems`` (a list of ``path``, ``value``, ``expected``; values of
    secrets redacted), ``warnings`` (a list of texts). Raises nothing.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt '*' k8s_config.validate
    """
    _use(saltenv)
    found = {"valid": True, "problems": [], "warnings": _warnings()}
    try:
        found["warnings"] += schema_services.warnings(_build(tree))
    except errors.ConfigError as err:
        found["valid"] = False
        found["problems"] = [
            {"path": item.path, "value": item.value, "expected": item.expected} for item in err.problems
        ]
    except CommandExecutionError as err:  # no defaults, or a pillar that the master cannot render
        found["valid"] = False
        found["problems"] = [{"path": "k8s", "value": "nothing", "expected": str(err)}]
    return found


def node(minion_id=None):
    """
    Return a node's entry in the model, with ``name``, ``ip`` and ``prefix``; None when it is not a node.

    minion_id
        The node's minion id; this minion's own when absent.

    Raises CommandExecutionError when the pillar is not valid.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-w1 k8s_config.node
    """
    return copy.deepcopy(_model()["nodes"].get(minion_id or __opts__["id"]))


def images():
    """
    Return every image that the site has to mirror.

    Returns a map: ``services`` (service -> list of images), ``system`` (the images that the engine deploys for
    the cluster's Kubernetes version), ``mirror`` (all of them -> where the cluster pulls them from), ``digests`` (those
    that the pillar pins by digest: where to copy each -> the digest that it must have there), ``missing`` (why
    ``system`` is empty, or None when it is complete).

    Raises CommandExecutionError when the pillar is not valid.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_config.images
    """
    model = _model()
    services = references.of_services(model)
    system, missing = _system_images(model)
    every = sorted({*system, *(image for found in services.values() for image in found)})
    return {
        "services": services,
        "system": system,
        "mirror": {image: references.through(image, model["registry"]) for image in every},
        "digests": references.digests(every, model["registry"]),
        "missing": missing,
    }


def image(ref):
    """
    Return where an image is pulled from: ``ref`` itself, or the site's registry when ``k8s:registry`` is set.

    ref
        The image's upstream name, such as ``quay.io/metallb/speaker:v0.15.2``. Its registry host is replaced
        by ``k8s:registry:url``; one that begins with that url stays as it is.

    Raises CommandExecutionError when the pillar is not valid.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_config.image quay.io/metallb/speaker:v0.15.2
    """
    return references.through(ref, _model()["registry"])


def tenant_report(text=False):
    """
    Return each tenant's quota against its use, from the cluster. The admin only.

    text
        True: as a table for people, one line a namespace, instead of data.

    Returns what ``k8s_tenants.report`` returns, or the table.

    Raises CommandExecutionError when the pillar is not valid, or when the API server does not answer.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_config.tenant_report
        salt k8s-admin k8s_config.tenant_report text=True
    """
    found = __salt__["k8s_tenants.report"]()
    return quota_report.table(found) if text else found


def paths():
    """
    Return where the admin keeps the cluster's files: a map of name to absolute path.

    Raises CommandExecutionError when the pillar is not valid.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_config.paths
    """
    return dict(_model()["paths"])


def status(failures=None):
    """
    Return the status of cluster, nodes, services, tenants, certificates and backups. Reads only; for the admin.

    failures
        For the summary of a run: map of service to the error of its failed state. Such a service is bad.

    Returns a map: ``healthy`` (true when nothing is bad or unknown), ``rows`` (a list of ``part``, ``name``, ``state``:
    ok, warn, bad, off or unknown, and ``why``), ``lines`` (the same as text). What cannot be read is a row with the
    reason, so that the table exists for a cluster that is down, too.

    Raises CommandExecutionError when the pillar is not valid.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_config.status
    """
    model = _model()
    now = datetime.datetime.now(datetime.timezone.utc)
    facts = status_facts.read(model, _call, _healthy_sets(model["services"]))
    rows = statuses.table(model, facts | {"failures": failures or {}}, now)
    return {"healthy": statuses.healthy(rows), "rows": rows, "lines": statuses.lines(rows)}


def _healthy_sets(services):
    """Return how many objects each set has that an earlier state of this run found healthy: {service: number}."""
    found = scope.current(__context__)
    known = {name: found[1].get(("healthy", name)) for name in services} if found else {}
    return {name: number for name, number in known.items() if number is not None}


def _call(function, *args, **kwargs):
    """Call an execution function; return its error as a Failed."""
    try:
        return __salt__[function](*args, **kwargs)
    except (CommandExecutionError, KeyError) as err:  # KeyError: this minion has no such function
        return status_facts.failed(err)


def _model():
    """Return the model, which is not to be changed, from the context when neither pillar nor defaults changed."""
    try:
        return _build()
    except errors.ConfigError as err:
        raise CommandExecutionError(str(err)) from err


def _build(tree=None):
    tree = _tree() if tree is None else tree
    defaults = _defaults()
    key = _digest(tree, defaults)
    cached = __context__.get("saltk8s.pillar.model")
    if cached and key and cached[0] == key:
        return cached[1]
    roles = models.roles_of(tree, __opts__["id"])
    model = models.build(defaults, tree, secrets_required=roles & set(SECRET_ROLES))
    for warning in [*_warnings(), *(schema_services.warnings(model) if "admin" in roles else ())]:
        log.warning(warning)
    model["minion"] = {"id": __opts__["id"], "roles": sorted(roles)}
    __context__["saltk8s.pillar.model"] = (key, model)
    return model


def _tree():
    """Return what stands below ``k8s``: of a job, as the master has it now, so that an edit needs no refresh before."""
    now = edges.pillar_of_job(
        __context__,
        __opts__,
        lambda: edges.compiled(salt.pillar.get_pillar, __opts__, __grains__, CommandExecutionError),
    )
    return (__pillar__ if now is None else now).get("k8s")


def _digest(*trees):
    """Return a digest of what was read, None when it holds what JSON cannot (then it is validated "
    "again, and rejected)."""
    try:
        return hashlib.sha256(json.dumps(trees).encode()).hexdigest()
    except (TypeError, ValueError, RecursionError):
        return None


def _use(saltenv):
    """Note the environment of this run: functions that a template or a state calls are not told it."""
    if saltenv:
        __context__["saltk8s.saltenv"] = saltenv


def _defaults():
    """Read the defaults: from the file server, or from the formulas that pip installed.

    ``saltk8s.pack.saltenv`` of the context then is the environment that has the pack.
    """
    wanted = tuple(dict.fromkeys(filter(None, (__context__.get("saltk8s.saltenv"), __opts__["saltenv"], "base"))))
    read, saltenv, defaults = __context__.get("saltk8s.defaults", {}).get(wanted, (None, None, None))
    if read is None or time.monotonic() - read >= DEFAULTS_KEPT_S:
        served = ((name, __salt__["cp.cache_file"](DEFAULTS, name)) for name in wanted)
        saltenv, path = next((found for found in served if found[1]), (wanted[0], loader.defaults_file()))
        if not path:
            raise CommandExecutionError(
                f"{DEFAULTS} is not on the file server: the master's file_roots or gitfs must hold the pack's "
                "`salt` folder"
            )
        defaults = yaml_text.load(Path(path).read_text(encoding="utf-8"))
        __context__.setdefault("saltk8s.defaults", {})[wanted] = (time.monotonic(), saltenv, defaults)
    __context__["saltk8s.pack.saltenv"] = saltenv
    return defaults


def _system_images(model):
    if "k8s_cluster.system_images" not in __salt__:
        return [], "system images: this minion has no module k8s_cluster"
    try:
        return __salt__["k8s_cluster.system_images"](model["cluster"]["version"]), None
    except CommandExecutionError as err:
        return [], f"system images: {err}"


def _warnings():
    warning = versions.drift(__file__)
    return [warning] if warning else []


arguments.guard(globals(), SaltInvocationError, CommandExecutionError, as_job=True)
