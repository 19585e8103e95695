"""Sets of objects in the cluster as states: nothing to do means no changes, and test mode tells the truth.

Source: the execution module ``kubectl``, which these states only translate. How sets work: docs/objects.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError

__virtualname__ = "kubectl"

SHOWN_LINES = 30


def __virtual__():
    if "kubectl.apply" in __salt__:
        return __virtualname__
    return False, "the execution module kubectl is not there: run saltutil.sync_all"


def applied(
    name,
    source=None,
    source_hash=None,
    template="jinja",
    context=None,
    objects=None,
    namespace="default",
    prune=True,
    unprotect=None,
    replace=None,
    wait=True,
    timeout_s=300,
    force_conflicts=False,
    kubeconfig=None,
    kube_context=None,
    saltenv=None,
):
    """
    The set of objects is in the cluster as declared, nothing else is in the set, and all of it is healthy.

    name
        The set's name, the value of the label ``saltk8s.io/set`` that every object gets.
    source
        Where the manifests are: ``salt://folder``, ``salt://file.yaml``, absolute paths, ``https://file``, or a list
        of these.
    source_hash
        Hash of a web server's file, as ``sha256=...``; for several a dict by address. Without it such a file is
        refused.
    template
        ``jinja`` (the variable ``k8s`` is the model), or None.
    context
        More variables of the templates, as a dict.
    objects
        Objects given right here, as a list of dicts.
    namespace
        For objects that name none.
    prune
        Delete objects of the set that are not declared any more; namespaces, PersistentVolumes,
        PersistentVolumeClaims and CustomResourceDefinitions only when ``unprotect`` names them.
    unprotect
        A list of ``Kind name`` or ``Kind namespace/name``.
    replace
        A list in the same form: objects that may be deleted and re-created where a field is immutable (a Job's
        template, a Deployment's selector, a StorageClass's parameters). Protected ones must stand in ``unprotect``,
        too. An object says so itself with the annotation ``saltk8s.io/replace: "true"``.
    wait
        Wait until every object is healthy; that includes objects that had nothing to change.
    timeout_s
        Seconds for that.
    force_conflicts
        Take over fields that another field manager owns. Without it they are an error that names the manager.
    kubeconfig, kube_context
        Another cluster than the pillar's; another context than the kubeconfig's own.
    saltenv
        Salt environment of ``salt://`` addresses. Default: the state's own.

    ``changes`` has the fields of each object, old and new, values of Secrets redacted. With test=True the same is read
    and nothing is written; before the cluster exists everything counts as to be created. Result False, with the
    reason: a manifest is wrong, another set owns an object, a conflict, an invalid object, the API server does not
    answer, not healthy in time; ``changes`` then has what was done before.

    CLI Example:

    .. code-block:: yaml

        k8s-metallb-objects:
          kubectl.applied:
            - name: metallb
            - source: salt://k8s/metallb/manifests
    """
    return _ran(
        name,
        "kubectl.apply",
        "the set is as declared",
        source=source,
        source_hash=source_hash,
        template=template,
        template_context=context,
        objects=objects,
        namespace=namespace,
        prune=prune,
        unprotect=unprotect,
        replace=replace,
        wait=wait,
        timeout_s=timeout_s,
        force_conflicts=force_conflicts,
        kubeconfig=kubeconfig,
        context=kube_context,
        saltenv=saltenv or __env__,
    )


def absent(
    name,
    source=None,
    source_hash=None,
    template="jinja",
    context=None,
    objects=None,
    unprotect=None,
    timeout_s=300,
    kubeconfig=None,
    kube_context=None,
    saltenv=None,
):
    """
    No object of the set is in the cluster, but for protected ones that are not named.

    name
        The set's name.
    source, source_hash, template, context, objects, saltenv
        As in kubectl.applied. Not needed: the set's own record says which kinds to look for.
    unprotect
        A list of ``Kind name`` or ``Kind namespace/name``: namespaces, PersistentVolumes, PersistentVolumeClaims and
        CustomResourceDefinitions stay unless they are in it.
    timeout_s
        Seconds to wait until the objects of each step are gone.
    kubeconfig, kube_context
        As in kubectl.applied.

    Deleted in the reverse order of writing: custom resources, then workloads and the rest, then definitions and
    namespaces. The comment names what was left and why.

    CLI Example:

    .. code-block:: yaml

        k8s-metallb-gone:
          kubectl.absent:
            - name: metallb
    """
    return _ran(
        name,
        "kubectl.delete_set",
        "nothing of the set is there",
        source=source,
        source_hash=source_hash,
        template=template,
        template_context=context,
        objects=objects,
        unprotect=unprotect,
        timeout_s=timeout_s,
        kubeconfig=kubeconfig,
        context=kube_context,
        saltenv=saltenv or __env__,
    )


def ready(name, objects=None, timeout_s=300, kubeconfig=None, kube_context=None):
    """
    The set, or the objects, are healthy. Changes nothing, only waits.

    name
        The set's name; any sentence when ``objects`` are given.
    objects
        A list of objects; ``apiVersion``, ``kind`` and ``metadata`` are enough.
    timeout_s
        Seconds to wait. With test=True it looks once, and what is not healthy yet is result None.
    kubeconfig, kube_context
        As in kubectl.applied.

    CLI Example:

    .. code-block:: yaml

        k8s-metallb-healthy:
          kubectl.ready:
            - name: metallb
            - timeout_s: 60
    """
    test = bool(__opts__["test"])
    ret = {"name": name, "changes": {}, "result": True, "comment": "all objects are healthy"}
    try:
        __salt__["kubectl.ready"](
            None if objects else name, objects, 0 if test else timeout_s, kubeconfig=kubeconfig, context=kube_context
        )
    except CommandExecutionError as err:
        return ret | {"result": None if test else False, "comment": str(err)}
    return ret


def _ran(name, function, nothing, **kwargs):
    """Call the execution function once, in both modes, and tell what it said."""
    test = bool(__opts__["test"])
    ret = {"name": name, "changes": {}, "result": True, "comment": ""}
    try:
        done = __salt__[function](name, test=test, **kwargs)
    except CommandExecutionError as err:
        # a run that failed half-way carries what it did
        return ret | {
            "result": False,
            "changes": getattr(err, "changes", {}),
            "comment": _comment([str(err), *getattr(err, "lines", [])]),
        }
    lines = done["lines"] + [f"not healthy now: {text}" for text in done.get("unready", ())]
    if not done["changes"]:
        return ret | {"comment": _comment([nothing, *lines])}
    return ret | {"changes": done["changes"], "result": None if test else True, "comment": _comment(lines)}


def _comment(lines):
    more = len(lines) - SHOWN_LINES
    shown = lines if more <= 0 else [*lines[:SHOWN_LINES], f"and {more} more"]
    return "\n".join(shown)
