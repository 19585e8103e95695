"""Sets of objects, through ``kubectl``: apply, diff, list, wait for, delete.

Part of the module ``kubectl``, as kubectl_objects.py, kubectl_nodes.py and kubectl_workloads.py are.

Runs on the admin minion, the only one with a kubeconfig. Every function takes ``kubeconfig`` (path; default: the one of
the pillar's cluster) and ``context`` (default: the kubeconfig's own); every function that works on a set takes
``set_name``, the value of the label ``saltk8s.io/set``: lower-case letters, digits, ``-`` and ``.``, at most 63.
Those that read manifests also take:

- ``source``: where they are, an address or a list of addresses: ``salt://folder`` (all .yaml, .yml and .json files
  below it, also with ``.jinja`` added), ``salt://file.yaml``, absolute paths of the same two forms, or
  ``https://file``;
- ``source_hash``: hash of a web server's file, as ``sha256=...``; for several ``{address: hash}``. Without it such a
  file is refused;
- ``template``: ``jinja``, or None for manifests that are not templates; for several ``{address: None}``;
- ``template_context``: variables of the templates, a dict; ``k8s`` (the model) is added if the pillar has it;
- ``objects``: objects as a list of dicts, instead of or besides sources;
- ``saltenv``: Salt environment of ``salt://`` addresses. Default: the minion's ``saltenv``, else ``base``.

When the API server does not answer or rejects the credentials, all raise CommandExecutionError. Manifests go to kubectl
on standard input; values of Secrets are in no argument, log line, change or comment. How sets work: docs/objects.md.

Source: https://kubernetes.io/docs/reference/kubectl/ (kubectl 1.28 to 1.33).
"""

from __future__ import annotations

import hashlib
import inspect
import json
from pathlib import Path

import salt.utils.templates
import salt.version
from salt.exceptions import CommandExecutionError, MinionError, SaltInvocationError, SaltRenderError
from saltk8s.base import arguments, errors, memory
from saltk8s.kubectl.client import access, scope
from saltk8s.kubectl.client.shared import Shared
from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.health import poll, summary
from saltk8s.kubectl.health.dead_nodes import DeadNodes
from saltk8s.kubectl.manifests import identity, jinja_files, manifest, sources
from saltk8s.kubectl.manifests.compiled import Compiled
from saltk8s.kubectl.sets import prefetch, record
from saltk8s.kubectl.sets.object_set import ObjectSet
from saltk8s.kubectl.sets.options import Options, names
from saltk8s.kubectl.sets.remembered import Remembered

__virtualname__ = "kubectl"


class PartialFailure(CommandExecutionError):
    """A run failed after part of it was done: ``changes`` and ``lines`` are that part, ``details`` is the error."""

    def __init__(self, message, changes, lines, details):
        self.changes = changes
        self.lines = lines
        self.details = details
        super().__init__(message)


def __virtual__():
    return __virtualname__


def list_set(set_name, kinds=None, kubeconfig=None, context=None):
    """
    Return the live objects of a set.

    kinds
        Kinds to read, each as ``Kind.version.group`` (``Deployment.v1.apps``, ``Service.v1.``).
        Default: those in the set's own record.

    Returns a list of dicts: ``kind``, ``namespace`` (empty when cluster-scoped), ``name``, ``ready`` (bool), ``reason``
    (why not; of one that is ready, which pods it is without: those on nodes that are not Ready). Raises
    CommandExecutionError: no such set, the API server does not answer.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.list_set metallb
    """

    def read(kubectl):
        wanted = [identity.kind_from(text) for text in kinds] if kinds else record.kinds_of(kubectl, set_name)
        found = kubectl.set_objects(set_name, wanted).objects
        return summary.of_objects(filter(identity.names_itself, found), DeadNodes(kubectl))

    return _run(read, kubeconfig, context)


def render_manifests(
    source=None, source_hash=None, template="jinja", template_context=None, objects=None, saltenv=None
):
    """
    Return the objects of manifests as they would be declared, values of Secrets redacted. Does not ask the cluster.

    Returns a list of dicts. Raises CommandExecutionError with every problem: file, document, error.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.render_manifests salt://k8s/metallb/manifests
    """
    found = _parse(source, source_hash, template, template_context, objects, saltenv)
    return [diff.redacted(identity.key_of(item.obj), manifest.normalised(item.obj)) for item in found]


def diff_set(set_name, **kwargs):
    """
    Return what kubectl.apply would change. The same as kubectl.apply with test=True; same parameters, same answer.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.diff metallb source=salt://k8s/metallb/manifests
    """
    return apply(set_name, **kwargs | {"test": True})


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
    release=None,
    take_over=None,
    shared_namespaces=None,
    wait=True,
    timeout_s=300,
    force_conflicts=False,
    test=False,
    saltenv=None,
    kubeconfig=None,
    context=None,
):
    """
    Apply a set of objects: create, change, adopt and prune until the cluster has what is declared.

    namespace
        For objects without a namespace of their own.
    prune
        Delete objects of the set that are no longer declared. Namespaces, PersistentVolumes, PersistentVolumeClaims
        and CustomResourceDefinitions are kept, unless ``unprotect`` names them.
    unprotect
        A list of ``Kind name`` or ``Kind namespace/name``: protected objects that may be deleted too.
    replace
        A list in the same form: objects that may be deleted and re-created where a field is immutable (a Job's
        template, a Deployment's selector). Protected ones, and those that take claims with them, must be in
        ``unprotect``, too. Instead, an object can have the annotation ``saltk8s.io/replace: "true"``.
    release
        A list in the same form: objects of the set that are not declared any more, and are not deleted: they lose the
        set's label and annotation. Protected ones too. Those that are not in the set (any more) count as released.
    take_over
        A list in the same form: declared objects that may be in another set. They become objects of this one.
    shared_namespaces
        Namespaces in which others create objects, too, such as tenants. What the set declares there is its own: objects
        of that name which others made, or which another set has, are replaced, fields of other managers taken over.
        An object there that is rejected, or held by a finalizer, does not stop the others: it is the error at the end.
    wait
        Wait until every object of the set is healthy.
    timeout_s
        Timeout of that wait.
    force_conflicts
        Take over fields that another field manager owns. Without it they are an error that names the manager.
    test
        Return what would change and write nothing. Objects that look different are sent to the API server as a dry
        run: it stores nothing, but the audit log shows these requests with ``dryRun=All``.

    Returns a dict: ``changes`` (per object: its fields, old and new; values of Secrets redacted), ``lines`` (the same
    as text), ``unready`` (in test mode: objects that are not healthy, with the reason; without ``wait``: those that
    are being deleted), ``healthy`` (how many objects the set has, when nothing changes and all are healthy; else None).
    Raises CommandExecutionError: an invalid manifest or object, an object of another set, a conflict, an immutable
    field, the API server does not answer, the timeout expired before the set was healthy. The error's ``changes`` has
    what was done before it.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.apply metallb source=salt://k8s/metallb/manifests test=True
    """
    options = Options(
        force_conflicts=bool(force_conflicts),
        prune=bool(prune),
        wait=bool(wait),
        timeout_s=float(timeout_s),
        shared_namespaces=frozenset(shared_namespaces or ()),
        **_names(unprotect=unprotect, replace=replace, release=release, take_over=take_over),
    )

    def run(kubectl):
        reading = prefetch.Prefetch(kubectl, set_name, _shared(kubectl))
        remembered = Remembered(kubectl, set_name, namespace)
        texts = _read(source, source_hash, template, template_context, saltenv)
        declared = remembered.declare(texts, manifest.from_objects(objects or ()), kubectl.cluster_scoped)
        return ObjectSet(kubectl, set_name, declared, options, reading, remembered).apply(bool(test))

    with memory.uncollected():  # until they are gone: before, all of them would be scanned once more
        outcome = _run(run, kubeconfig, context)
    return _outcome(outcome)


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
    saltenv=None,
    kubeconfig=None,
    context=None,
):
    """
    Delete a set: every object that has its label and was written by it, in the reverse order of creation.

    The set's own record lists its kinds, so the manifests are not needed.

    unprotect
        A list of ``Kind name`` or ``Kind namespace/name``: namespaces, PersistentVolumes, PersistentVolumeClaims and
        CustomResourceDefinitions are kept unless they are in it.
    timeout_s
        Seconds to wait until the objects are deleted, for each step (custom resources; workloads and the rest;
        definitions and namespaces).
    test
        Return what would be deleted and delete nothing.

    Returns a dict: ``changes``, ``lines``, ``unready`` (empty), ``healthy`` (0 when the cluster has nothing of the set,
    else None). Raises CommandExecutionError: the API server does not answer, the timeout expired before an object was
    deleted; the error's ``changes`` has what was deleted.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.delete_set metallb test=True
    """
    options = Options(timeout_s=float(timeout_s), **_names(unprotect=unprotect))

    def run(kubectl):
        declared = {}
        if source or objects:
            found = _parse(source, source_hash, template, template_context, objects, saltenv)
            declared = manifest.declare(found, set_name, "default", lambda kinds: ())
        reading = prefetch.Prefetch(kubectl, set_name, _shared(kubectl))
        return ObjectSet(kubectl, set_name, declared, options, reading).delete(bool(test))

    return _outcome(_run(run, kubeconfig, context))


def wait_ready(set_name=None, objects=None, timeout_s=0, kubeconfig=None, context=None):
    """
    Wait until all objects of a set, or the given objects, exist and are healthy.

    Of a set, those that its record names (of kinds with a health rule, see docs/objects.md), and what is being deleted.

    objects
        Instead of a set: a list of objects; ``apiVersion``, ``kind`` and ``metadata`` are enough.
    timeout_s
        Seconds to wait; 0 checks once.

    Returns True. Raises CommandExecutionError: no such set, or the timeout expired; while it waits, an API server that
    does not answer is asked again. The error has the unhealthy objects, the reasons, their conditions, last events and
    the last log lines of failing containers.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.wait_ready metallb timeout_s=60
    """

    def run(kubectl):
        if objects:
            poll.until_healthy(kubectl, [item.obj for item in manifest.from_objects(objects)], float(timeout_s))
            return True
        record.wait_healthy(kubectl, set_name, float(timeout_s))
        return True

    return _run(run, kubeconfig, context)


# kubectl.diff: the name diff is that of a module of saltk8s in here
__func_alias__ = {"diff_set": "diff"}
diff_set.__signature__ = inspect.signature(apply)


def _run(action, kubeconfig, context):
    return access.run(action, __salt__, __pillar__, kubeconfig, context)


def _shared(kubectl):
    """Return what is read of all sets of this state run at once, None outside of one."""
    found = scope.current(__context__)
    if found is None:
        return None
    now, memory = found
    name = ("sets", *kubectl.words)
    return memory.get(name) or memory.put(
        name, Shared(kubectl, {one: prefetch.guess(kubectl, one) for one in now.sets})
    )


def _names(**given):
    return {parameter: names(parameter, value) for parameter, value in given.items()}


def _outcome(outcome):
    if outcome.failure:
        raise PartialFailure(
            str(outcome.failure), outcome.changes, outcome.lines, outcome.failure.details()
        ) from outcome.failure
    found = {"changes": outcome.changes, "lines": outcome.lines, "unready": outcome.unready}
    return found | {"healthy": outcome.healthy}


def _parse(source, source_hash, template, context, objects, saltenv):
    """Return the objects of sources and of the list, in that order."""
    texts = _read(source, source_hash, template, context, saltenv)
    return manifest.parse(texts) + manifest.from_objects(objects or ())


def _read(source, source_hash, template, context, saltenv):
    """Return the texts of sources, rendered."""
    saltenv = saltenv or __opts__["saltenv"] or "base"
    server = sources.FileServer(
        lambda address, wanted: _fetch(address, saltenv, wanted),
        lambda folder: __salt__["cp.list_master"](saltenv, prefix=folder),
    )
    compiled = Compiled(_cache_of(source, saltenv), salt.version.__version__)
    return sources.read(source, server, _renderer(context, saltenv, compiled), source_hash, template)


def _cache_of(source, saltenv):
    """Return where the compiled templates of a source are kept."""
    name = hashlib.sha256(json.dumps([source, saltenv], default=str).encode()).hexdigest()[:16]
    return Path(__salt__["config.get"]("cachedir"), "saltk8s", "jinja", name) if source else None


def _fetch(address, saltenv, wanted):
    """Return the local copy of a file; Salt keeps a copy that has the hash already."""
    try:
        return __salt__["cp.cache_file"](address, saltenv, source_hash=wanted)
    except MinionError as err:
        raise errors.Invalid(f"{address}: cannot be fetched: {err}") from err


def _renderer(context, saltenv, compiled):
    """Return a function that renders texts with Salt's Jinja. Not slsutil.renderer: it logs what it rendered."""
    variables = dict(context or {})

    def jinja(text, **more):
        done = salt.utils.templates.JINJA(
            text,
            from_str=True,
            to_str=True,
            context=variables | more,
            opts=__opts__,
            salt=__salt__,
            grains=__grains__,
            pillar=__pillar__,
            saltenv=saltenv,
            sls="",
        )
        if not done["result"]:
            raise SaltRenderError(str(done["data"]))
        return done["data"]

    def render(texts):
        without = ""
        run = __context__.get("saltk8s.saltenv")
        # for functions that a template calls: where they read, and what they have read for another one
        __context__.update({"saltk8s.saltenv": saltenv, "saltk8s.rendering": {}})
        try:
            if texts and "k8s" not in variables and "k8s" in __pillar__:
                try:
                    variables["k8s"] = __salt__["k8s_config.get"](secrets=True)
                except CommandExecutionError as err:  # a template that does not use it can be rendered
                    without = f"; there is no k8s: {err}"
            rendered = jinja_files.together(jinja, texts, compiled)
            yield from rendered
            for text in texts[len(rendered) :]:
                yield jinja(text)
        except SaltRenderError as err:
            raise errors.Invalid(f"cannot be rendered: {_message(err)}{without}") from err
        finally:
            __context__.update({"saltk8s.saltenv": run, "saltk8s.rendering": None})

    return render


def _message(failure):
    """The message alone: Salt adds lines of the template, or a traceback that ends with the message."""
    lines = [line for line in str(failure).strip().splitlines() if line.strip()]
    return lines[-1] if lines and lines[0].startswith("Traceback") else "".join(lines[:1])


arguments.guard(globals(), SaltInvocationError, CommandExecutionError)
