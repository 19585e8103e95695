"""Objects in the cluster, through ``kubectl``: sets of them made as declared, read, compared, deleted, waited for.

Runs on the admin minion, the only one with a kubeconfig. Every function takes ``kubeconfig`` (path; default: the one of
the pillar's cluster) and ``context`` (default: the kubeconfig's own); every function that works on a set takes
``set_name``, the value of the label ``saltk8s.io/set``: lower-case letters, digits, ``-`` and ``.``, at most 63.
Those that read manifests take these, too:

- ``source``: where they are, an address or a list of addresses: ``salt://folder`` (its .yaml, .yml and .json files,
  with or without ``.jinja`` behind), ``salt://file.yaml``, absolute paths of the same two forms, or ``https://file``;
- ``source_hash``: hash of a web server's file, as ``sha256=...``; for several ``{address: hash}``. Without it such a
  file is refused;
- ``template``: ``jinja``, or None for manifests that are not templates;
- ``template_context``: variables of the templates, a dict; ``k8s`` (the model) is there if the pillar has it;
- ``objects``: objects given right here, a list of dicts;
- ``saltenv``: Salt environment of ``salt://`` addresses.

When the API server does not answer or rejects the credentials, all raise CommandExecutionError. Manifests go to kubectl
on standard input; values of Secrets are in no argument, log line, change or comment. How sets work: docs/objects.md.

Source: https://kubernetes.io/docs/reference/kubectl/ (kubectl 1.28 to 1.33).
"""

from __future__ import annotations

import json

import salt.utils.templates
from salt.exceptions import CommandExecutionError, MinionError, SaltRenderError
from saltk8s.base import edges, errors, memory
from saltk8s.kubectl.client import access
from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.health import judge, summary, wait
from saltk8s.kubectl.manifests import identity, manifest, sources
from saltk8s.kubectl.sets.object_set import ObjectSet, kinds_of
from saltk8s.kubectl.sets.options import Options
from saltk8s.kubectl.sets.prefetch import Prefetch

__virtualname__ = "kubectl"


class Failed(CommandExecutionError):
    """A run that failed after part of it was done: ``changes`` and ``lines`` say which part, ``details`` the error."""

    def __init__(self, message, changes, lines, details):
        self.changes = changes
        self.lines = lines
        self.details = details
        super().__init__(message)


def __virtual__():
    return __virtualname__


def version(kubeconfig=None, context=None):
    """
    Return the versions of kubectl and of the API server.

    Returns a dict: ``client`` and ``server``, strings such as ``v1.32.6``; ``server`` is None before the cluster
    exists. Raises CommandExecutionError: kubectl is not installed, the API server does not answer.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.version
    """

    def ask(kubectl):
        if not kubectl.cluster_exists:
            return {"client": kubectl.client_version(), "server": None}
        found = json.loads(kubectl.run("version", "-o", "json"))
        return {name: (found.get(f"{name}Version") or {}).get("gitVersion") for name in ("client", "server")}

    return _with(ask, kubeconfig, context)


def get(kind, name=None, namespace=None, selector=None, secrets=False, kubeconfig=None, context=None):
    """
    Return one object, or a list of them.

    kind
        As kubectl takes it: ``pods``, ``Deployment.apps``, ``ipaddresspools.metallb.io``.
    name
        Name of the object. Default: all objects of the kind, as a list.
    namespace
        Namespace. Default: ``default`` for one object, all namespaces for a list.
    selector
        Label selector of a list, as ``app=web``.
    secrets
        True: with the values of Secrets. A job's answer is stored on the master: leave it False on the command line.

    Returns a dict, a list of dicts, or None when the named object is not there.
    Raises CommandExecutionError: unknown kind, no permission, the API server does not answer.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.get nodes
        salt k8s-admin kubectl.get Deployment.apps controller namespace=metallb-system
    """

    def ask(kubectl):
        words = ["get", str(kind)]
        if name:
            words += [str(name), "--ignore-not-found", "--namespace", namespace or "default"]
        else:
            words += ["--namespace", namespace] if namespace else ["--all-namespaces"]
            words += ["--selector", selector] if selector else []
        found = kubectl.objects(*words, what=f"get {kind}")
        found = found if secrets else [diff.redacted(identity.key_of(obj), obj) for obj in found]
        return (found[0] if found else None) if name else found

    return _with(ask, kubeconfig, context)


def list_set(set_name, kinds=None, kubeconfig=None, context=None):
    """
    Return the live objects of a set.

    kinds
        Kinds to ask for, each as ``Kind.version.group`` (``Deployment.v1.apps``, ``Service.v1.``).
        Default: those that the set's own record names.

    Returns a list of dicts: ``kind``, ``namespace`` (empty when cluster-scoped), ``name``, ``ready`` (bool), ``reason``
    (why not). Raises CommandExecutionError: no such set, the API server does not answer.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.list_set metallb
    """

    def ask(kubectl):
        wanted = [identity.kind_from(text) for text in kinds] if kinds else kinds_of(kubectl, set_name)
        found, _ = kubectl.set_objects(set_name, wanted)
        return summary.of_objects(found)

    return _with(ask, kubeconfig, context)


def manifests(source=None, source_hash=None, template="jinja", template_context=None, objects=None, saltenv="base"):
    """
    Return the objects of manifests as they would be declared, values of Secrets redacted. The cluster is not asked.

    Returns a list of dicts. Raises CommandExecutionError with every problem: file, document, what is wrong.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.manifests salt://k8s/metallb/manifests
    """
    with edges.translated(CommandExecutionError):
        found = _found(source, source_hash, template, template_context, objects, saltenv)
    return [diff.redacted(identity.key_of(item.obj), manifest.normalised(item.obj)) for item in found]


def diff_set(set_name, **kwargs):
    """
    Return what kubectl.apply would change. The same as kubectl.apply with test=True; same parameters, same answer.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.diff metallb source=salt://k8s/metallb/manifests
    """
    return apply(set_name, **{key: value for key, value in kwargs.items() if key != "test"}, test=True)


def apply(
    set_name,
    source=None,
    source_hash=None,
    template="jinja",
    template_context=None,
    objects=None,
    namespace="default",
    prune=True,
    unprotect=None,
    replace=None,
    wait=True,
    timeout_s=300,
    force_conflicts=False,
    test=False,
    saltenv="base",
    kubeconfig=None,
    context=None,
    **kwargs,
):
    """
    Make a set of objects in the cluster what is declared.

    namespace
        For objects that name none.
    prune
        Delete objects of the set that are not declared any more. Namespaces, PersistentVolumes, PersistentVolumeClaims
        and CustomResourceDefinitions are left, unless ``unprotect`` names them.
    unprotect
        A list of ``Kind name`` or ``Kind namespace/name``: protected objects that may be deleted as well.
    replace
        A list in the same form: objects that may be deleted and re-created where a field is immutable (a Job's
        template, a Deployment's selector). Protected ones must stand in ``unprotect``, too. An object says so itself
        with the annotation ``saltk8s.io/replace: "true"``.
    wait
        Wait until every object of the set is healthy.
    timeout_s
        Seconds for that.
    force_conflicts
        Take over fields that another field manager owns. Without it they are an error that names the manager.
    test
        Say what would change and write nothing. Objects that look different are sent to the API server as a dry run:
        nothing of it is kept, but the audit log shows these requests with ``dryRun=All``.

    Returns a dict: ``changes`` (per object: its fields, old and new; values of Secrets redacted), ``lines`` (the same
    for people), ``unready`` (objects that are not healthy, with the reason; in test mode only).
    Raises CommandExecutionError: a manifest is wrong, another set owns an object, a conflict, an invalid object, a
    field that cannot be changed, the API server does not answer, not healthy in time. When part of the work was done,
    the error's ``changes`` has it.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.apply metallb source=salt://k8s/metallb/manifests test=True
    """
    options = Options(
        force_conflicts=bool(force_conflicts),
        prune=bool(prune),
        wait=bool(wait),
        timeout_s=float(timeout_s),
        unprotect=tuple(unprotect or ()),
        replace=tuple(replace or ()),
    )

    def run(kubectl):
        prefetch = Prefetch(kubectl, set_name)
        with memory.uncollected():
            found = _found(source, source_hash, template, template_context, objects, saltenv)
            declared = manifest.declare(found, set_name, namespace, kubectl.cluster_scoped)
        return ObjectSet(kubectl, set_name, declared, options, prefetch).apply(bool(test))

    return _outcome(_with(run, kubeconfig, context))


def delete_set(
    set_name,
    source=None,
    source_hash=None,
    template="jinja",
    template_context=None,
    objects=None,
    unprotect=None,
    timeout_s=300,
    test=False,
    saltenv="base",
    kubeconfig=None,
    context=None,
    **kwargs,
):
    """
    Delete a set: every object that carries its label and that was written by it, in the reverse order of writing.

    The set's own record names the kinds to look for, so the manifests are not needed.

    unprotect
        A list of ``Kind name`` or ``Kind namespace/name``: namespaces, PersistentVolumes, PersistentVolumeClaims and
        CustomResourceDefinitions are left unless they are in it.
    timeout_s
        Seconds to wait until the objects are gone, for each step (custom resources; workloads and the rest;
        definitions and namespaces).
    test
        Say what would be deleted and delete nothing.

    Returns a dict: ``changes``, ``lines``. Raises CommandExecutionError: the API server does not answer, an object is
    still there after its time; the error's ``changes`` has what is gone.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.delete_set metallb test=True
    """
    options = Options(timeout_s=float(timeout_s), unprotect=tuple(unprotect or ()))

    def run(kubectl):
        declared = {}
        if source or objects:
            found = _found(source, source_hash, template, template_context, objects, saltenv)
            declared = manifest.declare(found, set_name, "default", lambda kinds: ())
        return ObjectSet(kubectl, set_name, declared, options).delete(bool(test))

    return _outcome(_with(run, kubeconfig, context))


def delete(kind, name, namespace=None, timeout_s=120, kubeconfig=None, context=None):
    """
    Delete one object and wait until it is gone.

    kind, name, namespace
        As in kubectl.get.
    timeout_s
        Seconds to wait.

    Returns True, or False when it was not there. Raises CommandExecutionError: still there after its time, the API
    server does not answer.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.delete pods web-0 namespace=web
    """

    def run(kubectl):
        where = ["--namespace", namespace or "default"]
        found = kubectl.objects("get", str(kind), str(name), "--ignore-not-found", *where, what=f"{kind} {name}")
        kubectl.delete(found, float(timeout_s), what=f"{kind} {name}")
        return bool(found)

    return _with(run, kubeconfig, context)


def ready(set_name=None, objects=None, timeout_s=0, kubeconfig=None, context=None):
    """
    Wait until a set, or some objects, are healthy.

    objects
        Instead of a set: a list of objects; ``apiVersion``, ``kind`` and ``metadata`` are enough.
    timeout_s
        Seconds to wait; 0 looks once.

    Returns True. Raises CommandExecutionError: no such set, the API server does not answer, or not healthy in time;
    then it says which objects, why, their conditions, last events and the last log lines of failing containers.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.ready metallb timeout_s=60
    """

    def run(kubectl):
        if objects:
            wait.for_objects(kubectl, [item.obj for item in manifest.from_objects(objects)], float(timeout_s))
            return True
        kinds = [kind for kind in kinds_of(kubectl, set_name) if judge.awaited(kind)]
        found, _ = kubectl.set_objects(set_name, kinds)
        wait.for_set(kubectl, set_name, kinds, {identity.key_of(obj) for obj in found}, float(timeout_s))
        return True

    return _with(run, kubeconfig, context)


def rollouts(namespace=None, kubeconfig=None, context=None):
    """
    Return the workloads and whether they are rolled out.

    namespace
        Default: all namespaces.

    Returns a list of dicts: ``kind``, ``namespace``, ``name``, ``ready`` (bool), ``reason`` (why not).
    Raises CommandExecutionError: the API server does not answer.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.rollouts kube-system
    """

    def ask(kubectl):
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        found = kubectl.objects("get", "Deployment.v1.apps,DaemonSet.v1.apps,StatefulSet.v1.apps", *where)
        return summary.of_objects(found)

    return _with(ask, kubeconfig, context)


def nodes(kubeconfig=None, context=None):
    """
    Return the cluster's nodes.

    Returns a dict by name: ``ready`` (bool), ``reason`` (why not), ``schedulable`` (bool), ``roles`` (list),
    ``version`` (of the kubelet), ``address`` (internal), ``taints`` (list of ``key=value:effect``).
    Raises CommandExecutionError: the API server does not answer.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.nodes
    """

    def ask(kubectl):
        return {obj["metadata"]["name"]: summary.of_node(obj) for obj in kubectl.objects("get", "Node.v1.")}

    return _with(ask, kubeconfig, context)


def api_resources(group=None, namespaced=None, kubeconfig=None, context=None):
    """
    Return the kinds that the API server serves.

    group
        Only those of a group, such as ``metallb.io``; ``""`` is the core group.
    namespaced
        True or False: only those that live in a namespace, or do not.

    Returns a sorted list of names such as ``deployments.apps``. Raises CommandExecutionError.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.api_resources metallb.io
    """

    def ask(kubectl):
        words = ["api-resources", "--output=name"]
        words += [f"--api-group={group}"] if group is not None else []
        words += [f"--namespaced={'true' if namespaced else 'false'}"] if namespaced is not None else []
        return sorted(kubectl.run(*words).split())

    return _with(ask, kubeconfig, context)


# ``kubectl.diff`` and ``kubectl.diff_set`` are one; the module diff of saltk8s has the short name in here
__func_alias__ = {"diff_set": "diff"}


def _with(action, kubeconfig, context):
    """Run an action on the cluster and translate its errors."""
    with edges.translated(CommandExecutionError):
        return action(access.kubectl(__salt__, __pillar__, kubeconfig, context))


def _outcome(outcome):
    if outcome.failure:
        raise Failed(
            str(outcome.failure), outcome.changes, outcome.lines, outcome.failure.details()
        ) from outcome.failure
    return {"changes": outcome.changes, "lines": outcome.lines, "unready": outcome.unready}


def _found(source, source_hash, template, context, objects, saltenv):
    """Return the objects of sources and of the list, in that order."""
    if template not in ("jinja", None):
        raise errors.Invalid(f"template: got {template!r}; expected jinja or None")
    server = sources.FileServer(
        lambda address, wanted: _fetched(address, saltenv, wanted),
        lambda folder: __salt__["cp.list_master"](saltenv, prefix=folder),
    )
    render = _renderer(context, saltenv) if template else None
    return manifest.parse(sources.read(source, server, render, source_hash)) + manifest.from_objects(objects or ())


def _fetched(address, saltenv, wanted):
    """Return the local copy of a file; Salt leaves a copy that has the hash already as it is."""
    try:
        return __salt__["cp.cache_file"](address, saltenv, source_hash=wanted)
    except MinionError as err:
        raise errors.Invalid(f"{address}: cannot be fetched: {err}") from err


def _renderer(context, saltenv):
    """Return a function that renders a file with Salt's Jinja. Not slsutil.renderer: it logs what it rendered."""
    variables = dict(context or {})
    if "k8s" not in variables and "k8s" in __pillar__:
        variables["k8s"] = __salt__["k8s_config.get"]()

    def render(path):
        try:
            done = salt.utils.templates.JINJA(
                path,
                to_str=True,
                context=variables,
                opts=__opts__,
                salt=__salt__,
                grains=__grains__,
                pillar=__pillar__,
                saltenv=saltenv,
                sls="",
            )
        except SaltRenderError as err:
            raise errors.Invalid(f"cannot be rendered: {_message(err)}") from err
        if not done["result"]:
            raise errors.Invalid(f"cannot be rendered: {_message(done['data'])}")
        return done["data"]

    return render


def _message(failure):
    """The message alone: Salt adds lines of the template, or a traceback that ends with the message."""
    lines = [line for line in str(failure).strip().splitlines() if line.strip()]
    return lines[-1] if lines and lines[0].startswith("Traceback") else "".join(lines[:1])
