"""Configuration of the monitoring, made from the model, and the highstate's result as a metric.

The functions raise CommandExecutionError when the pillar is not valid, or a file is not on the file server.
"""

from __future__ import annotations

import functools
import logging
import time
from pathlib import Path

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments, yaml_text
from saltk8s.base import files as file_writes
from saltk8s.pillar.vocabulary.values import seconds
from saltk8s.services.prometheus import alertmanager_yml, highstate, prometheus_yml, upkeep
from saltk8s.services.prometheus import dashboards as boards
from saltk8s.services.prometheus import rules as rule_files

log = logging.getLogger(__name__)

__virtualname__ = "k8s_monitoring"

JOBS = "salt://k8s/prometheus/scrape.yaml"


def __virtual__():
    return __virtualname__


def _once(function):
    """Make a function return, while the manifests of a set are rendered, what it returned the first time: several of
    them show the same. A map is the caller's own."""

    @functools.wraps(function)
    def call(**given):
        known = __context__.get("saltk8s.rendering")
        if known is None:
            return function(**given)
        key = (function.__name__, *given.values())
        if key not in known:
            known[key] = function(**given)
        return dict(known[key]) if isinstance(known[key], dict) else known[key]

    return call


@_once
def prometheus_config():
    """
    Return the text of ``prometheus.yml``, YAML: the jobs of ``scrape.yaml`` that are enabled on this platform.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt --out=newline_values_only k8s-admin k8s_monitoring.prometheus_config
    """
    jobs = yaml_text.load(_read(JOBS))
    return prometheus_yml.text(prometheus_yml.configuration(_model(), jobs))


def alertmanager_config(secrets=False, **kwargs):
    """
    Return the text of ``alertmanager.yml``, YAML, in which secrets are ``<redacted>``.

    secrets
        True: with the secrets in it, for a template; not for a job, whose return is stored.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt --out=newline_values_only k8s-admin k8s_monitoring.alertmanager_config
    """
    service = __salt__["k8s_config.get"](secrets=secrets, **kwargs)["services"]["prometheus"]
    return prometheus_yml.text(alertmanager_yml.configuration(service))


def fingerprint(text):
    """
    Return 16 hexadecimal digits that change with a text and do not reveal it, to restart pods when it changes.

    text
        Any text; it may hold secrets.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_monitoring.fingerprint text
    """
    return prometheus_yml.fingerprint(text, _model()["cluster"]["name"])


@_once
def files(folder):
    """
    Return the files of a folder of the file server, unrendered: a map of name to text.

    folder
        URL such as ``salt://k8s/prometheus/rules``; its sub-folders are left out.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_monitoring.files salt://k8s/prometheus/rules
    """
    prefix = folder.removeprefix("salt://").rstrip("/") + "/"
    listed = __salt__["cp.list_master"](_saltenv(), prefix=prefix)
    paths = [path for path in listed if "/" not in path.removeprefix(prefix)]
    if not paths:
        raise CommandExecutionError(f"{folder} is not on the file server, or empty")
    return {path.removeprefix(prefix): _read(f"salt://{path}") for path in sorted(paths)}


@_once
def rules():
    """
    Return the files of rules that Prometheus reads, a map of name to text: the pack's, the site's limits as
    ``limits.yaml``, and those of ``k8s:services:prometheus:rules`` as ``site-N-NAME``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_monitoring.rules
    """
    model = _model()
    found = files("salt://k8s/prometheus/rules")
    found["limits.yaml"] = prometheus_yml.text(rule_files.limits(model))
    for index, address in enumerate(model["services"]["prometheus"]["rules"]):
        where = f"k8s:services:prometheus:rules:{index} ({address})"
        found[f"site-{index}-{Path(address).stem}.yaml"] = rule_files.checked_rules(_read(address), where)
    return found


def dashboards():
    """
    Return Grafana's dashboards, a map of file name to JSON.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_monitoring.dashboards
    """
    tables = files("salt://k8s/prometheus/dashboards")
    stems = {Path(name).stem: text for name, text in tables.items()}
    return {f"{stem}.json": boards.text(stem, yaml_text.load(text)) for stem, text in stems.items()}


def export_drift(mods="k8s", saltenv=None):
    """
    Run the highstate with ``test=True`` and export the result to Prometheus; nothing on this minion is changed.

    On the admin the result goes into the ConfigMap ``highstate`` of the namespace ``monitoring``, on a node into a file
    of ``/var/lib/saltk8s/metrics``, which the node exporter reads. Meant for the minions' schedule, see
    docs/services/prometheus.md.

    mods
        The SLS to run.
    saltenv
        Salt environment to run it in. Default: the minion's ``saltenv``, else ``base``.

    Returns a map: ``ok``, ``change``, ``failure`` (how many states), ``written`` (where).
    Raises CommandExecutionError: another state run is in progress, an SLS failed to render, this minion is neither
    the admin nor a node, the API server does not answer. Nothing is written then, and an alert fires on the age of
    the metric.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt '*' k8s_monitoring.export_drift
    """
    _collected(_model(saltenv=saltenv))
    begin = time.time()
    answer = __salt__["state.apply"](mods, test=True, **({"saltenv": saltenv} if saltenv else {}))
    found = highstate.counts(answer)
    written = export_result(found, time.time() - begin)
    __context__.pop("retcode", None)  # of the states; this function succeeded
    return found | {"written": written}


def export_upkeep():
    """
    Export until when the cluster's certificates are valid, and its snapshots of etcd with their last check, to
    Prometheus: into the ConfigMap ``upkeep`` of the namespace ``monitoring``. Meant for the admin's schedule.

    Returns a map: ``certificates`` and ``snapshots`` (how many), ``problems`` (what could not be read), ``written``
    (where). Raises CommandExecutionError: Prometheus is not enabled, there is no cluster, a node with etcd or the API
    server does not answer. Nothing is written then, and an alert fires on the age of the figures.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_monitoring.export_upkeep
    """
    model = _model()
    if not model["services"]["prometheus"]["enabled"]:
        raise CommandExecutionError("k8s:services:prometheus is not enabled: the figures cannot be exported")
    certificates, snapshots = __salt__["k8s_keys.certificates"](), __salt__["k8s_etcd.snapshots"]()
    every_s = seconds(model["cluster"]["etcd"]["snapshots"]["every"])
    check = __salt__["k8s_etcd.last_check"]()
    text = upkeep.metrics(certificates["certificates"], snapshots, check, every_s, time.time())
    __salt__["kubectl.apply"](upkeep.SET, objects=[upkeep.config_map(text)], wait=False)
    return {
        "certificates": len(certificates["certificates"]),
        "snapshots": len(snapshots),
        "problems": certificates["problems"],
        "written": f"ConfigMap {upkeep.NAMESPACE}/{upkeep.NAME}",
    }


def export_result(counts, took_s):
    """
    Export how a highstate with ``test=True`` ended to Prometheus, as ``k8s_monitoring.export_drift`` does; of a node,
    also how many changes wait for its turn (``k8s_nodes.pending``).

    counts
        A map: ``ok``, ``change``, ``failure`` (how many states).
    took_s
        Its duration.

    Returns where it was written. Raises CommandExecutionError as ``k8s_monitoring.export_drift`` does.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-w1 k8s_monitoring.export_result '{ok: 20, change: 0, failure: 0}' 4.2
    """
    minion, roles = __opts__["id"], _collected(_model())
    text = highstate.metrics(minion, counts, time.time(), took_s, _pending(roles))
    if "admin" in roles:
        objects = [highstate.config_map(minion, text)]
        __salt__["kubectl.apply"](highstate.SET, objects=objects, wait=False)
        return f"ConfigMap {highstate.NAMESPACE}/{highstate.NAME}"
    folder = Path(__opts__.get("saltk8s_root", "/"), highstate.FOLDER.lstrip("/"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "highstate.prom"
    file_writes.write(path, text, 0o644)  # the exporter is nobody
    return str(path)


def _pending(roles):
    """Return what waits for this node's turn, None when it is no node or cannot be asked (its states fail then)."""
    if "node" not in roles:
        return None
    try:
        return highstate.waiting(__salt__["k8s_nodes.pending"]())
    except CommandExecutionError as err:
        log.warning("what waits for this node's turn is not exported: %s", err)
        return None


def _collected(model):
    """Return this minion's roles; refuse where Prometheus does not collect its metrics."""
    roles = model["minion"]["roles"]
    if not {"admin", "node"} & set(roles):
        raise CommandExecutionError(
            f"{__opts__['id']} is neither the admin nor a node: Prometheus does not collect its metrics"
        )
    if "admin" in roles and not model["services"]["prometheus"]["enabled"]:
        raise CommandExecutionError("k8s:services:prometheus is not enabled: the result cannot be exported")
    return roles


def _model(saltenv=None):
    return __salt__["k8s_config.get"](secrets=True, saltenv=saltenv)


def _saltenv():
    """Return the Salt environment that this run reads the pack's files from."""
    __salt__["k8s_config.paths"]()  # finds it, without a copy of the whole model
    return __context__["saltk8s.pack.saltenv"]


def _read(address):
    path = __salt__["cp.cache_file"](address, _saltenv())
    if not path:
        raise CommandExecutionError(f"{address} is not on the file server")
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeError as err:
        raise CommandExecutionError(f"{address} is not UTF-8 text") from err


arguments.guard(globals(), SaltInvocationError, CommandExecutionError, as_job=True)
