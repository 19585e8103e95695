"""Sets of objects in the cluster as states. Without anything to do there are no changes; test mode shows the real ones.

Source: the execution module ``kubectl``, which does the work. How sets work: docs/objects.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError
from salt.state import STATE_INTERNAL_KEYWORDS
from saltk8s.base import arguments, edges
from saltk8s.kubectl.client import scope

__virtualname__ = "kubectl"


def __virtual__():
    if "kubectl.apply" in __salt__:
        return __virtualname__
    return False, "the execution module kubectl is not loaded: run saltutil.sync_all"


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
    release=None,
    take_over=None,
    shared_namespaces=None,
    wait=True,
    timeout_s=300,
    force_conflicts=False,
    kubeconfig=None,
    kube_context=None,
    saltenv=None,
):
    """
    The set of objects is in the cluster as declared, has no other objects, and all of them are healthy.

    name
        The set's name, the value of the label ``saltk8s.io/set`` that every object gets.
    source
        Where the manifests are: ``salt://folder``, ``salt://file.yaml``, absolute paths, ``https://file``, or a list
        of these.
    source_hash
        Hash of a web server's file, as ``sha256=...``; for several a dict by address. Without it such a file is
        refused.
    template
        ``jinja`` (the variable ``k8s`` is the model), or None for manifests that are not templates; for some of several
        sources ``{address: None}``.
    context
        More variables of the templates, as a dict.
    objects
        Objects as a list of dicts, instead of or besides sources.
    namespace
        For objects without a namespace of their own.
    prune
        Delete objects of the set that are no longer declared; namespaces, PersistentVolumes,
        PersistentVolumeClaims and CustomResourceDefinitions only when ``unprotect`` names them.
    unprotect
        A list of ``Kind name`` or ``Kind namespace/name``.
    replace
        A list in the same form: objects that may be deleted and re-created where a field is immutable (a Job's
        template, a Deployment's selector, a StorageClass's parameters). Protected ones, and those that take claims
        with them, must be in ``unprotect``, too. Instead, an object can have the annotation
        ``saltk8s.io/replace: "true"``.
    release
        A list in the same form: objects of the set that are not declared any more, and that are not deleted but lose
        the set's label, so that another set can adopt them. See "Moving an object from one set to another" in
        docs/objects.md.
    take_over
        A list in the same form: declared objects that may be in another set; they become objects of this one.
    shared_namespaces
        Namespaces in which others create objects, too, such as tenants. What the set declares there is its own: objects
        of that name which others made, or which another set has, are replaced, fields of other managers taken over.
        An object there that is rejected, or held by a finalizer, does not stop the others: it is the error at the end.
    wait
        Wait until every object is healthy; that includes objects that had nothing to change.
    timeout_s
        Timeout of that wait.
    force_conflicts
        Take over fields that another field manager owns. Without it they are an error that names the manager.
    kubeconfig, kube_context
        Another cluster than the pillar's; another context than the kubeconfig's own.
    saltenv
        Salt environment of ``salt://`` addresses. Default: the state's own.

    ``changes`` has the fields of each object, old and new, values of Secrets redacted. With test=True the same is read
    and nothing is written; before the cluster exists, all objects are to be created. Result False, with the
    reason: an invalid manifest or object, an object of another set, a conflict, the API server does not answer, the
    timeout expired before the set was healthy; ``changes`` then has what was done before. With test=True the result is
    None, too, when nothing would change but something is not healthy now: the real run would wait for it.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        k8s-metallb-objects:
          kubectl.applied:
            - name: metallb
            - source: salt://k8s/metallb/manifests
    """
    return _result(
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
        release=release,
        take_over=take_over,
        shared_namespaces=shared_namespaces,
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
    unless_failed=None,
):
    """
    No object of the set is in the cluster, except protected ones that ``unprotect`` does not name.

    name
        The set's name.
    source, source_hash, template, context, objects, saltenv
        As in kubectl.applied. Not needed: the set's own record lists its kinds.
    unprotect
        A list of ``Kind name`` or ``Kind namespace/name``: namespaces, PersistentVolumes, PersistentVolumeClaims and
        CustomResourceDefinitions are kept unless they are in it.
    timeout_s
        Seconds to wait until the objects of each step are deleted.
    kubeconfig, kube_context
        As in kubectl.applied.
    unless_failed
        Id of a state. When it failed in this run, nothing is done, and this state does not fail, too. For what is to be
        gone from a cluster that may not have come up, such as the objects of a disabled service.

    Deleted in the reverse order of creation: custom resources, then workloads and the rest, then definitions and
    namespaces. The comment names what was kept and why.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        k8s-metallb-gone:
          kubectl.absent:
            - name: metallb
    """
    if unless_failed and any(tag.split("_|-")[1] == unless_failed for tag in _failed(__running__)):
        comment = (
            f"skipped, because {unless_failed} failed in this run: whether objects of the set are left is not known"
        )
        return {"name": name, "changes": {}, "result": True, "comment": comment}
    return _result(
        name,
        "kubectl.delete_set",
        "the cluster has no objects of the set",
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
    The set, or the objects, exist and are healthy. Changes nothing, only waits.

    Of a set, the objects that its record names: those of kinds with a health rule (docs/objects.md).

    name
        The set's name; any sentence when ``objects`` are given.
    objects
        A list of objects; ``apiVersion``, ``kind`` and ``metadata`` are enough.
    timeout_s
        Seconds to wait. With test=True it checks once; the result is None when an object is not healthy yet.
    kubeconfig, kube_context
        As in kubectl.applied.

    .. versionadded:: 0.1.0

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
        __salt__["kubectl.wait_ready"](
            None if objects else name, objects, 0 if test else timeout_s, kubeconfig=kubeconfig, context=kube_context
        )
    except CommandExecutionError as err:
        later = test and _may_come(err, kubeconfig, kube_context)
        return ret | {"result": None if later else False, "comment": str(err)}
    return ret


def _may_come(err, kubeconfig, context):
    """Return whether an earlier state of a real run may make healthy what is not now: the cluster itself, too."""
    error = getattr(err, "details", {}).get("error")
    if error != "unreachable":
        return error == "not ready"
    try:
        return __salt__["kubectl.version"](kubeconfig, context)["server"] is None  # there is no cluster yet
    except CommandExecutionError:
        return False


def _failed(running):
    """Return the tags of the states that failed before this one."""
    return [tag for tag, state in running.items() if state["result"] is False]


def _result(name, function, unchanged, **kwargs):
    """Call the execution function once, in both modes, and return what a state returns."""
    test = bool(__opts__["test"])

    def call():
        with scope.entered(__context__, scope.of(globals())):
            done = __salt__[function](name, test=test, **kwargs)
            if not (kwargs["kubeconfig"] or kwargs["context"]):  # for the summary, which is about the pillar's cluster
                scope.current(__context__)[1].put(("healthy", name), done["healthy"])
        unready = [f"not healthy now: {text}" for text in done.get("unready", ())]
        # first, because a comment is cut off at the end
        return done | {"lines": unready + done["lines"], "waits": bool(unready and kwargs.get("wait"))}

    return edges.state_result(name, test, CommandExecutionError, call, unchanged)


arguments.guard(globals(), None, None, STATE_INTERNAL_KEYWORDS)
