"""From a push to what runs: apply what is new, look for drift, pause both, remember what this minion is.

The functions are meant for the minion's schedule (``k8s:gitops`` of the pillar), for the orchestration
``k8s.orch.gitops``, and for operators: docs/operations/gitops.md and drift.md. They raise CommandExecutionError when
the pillar cannot be rendered or is not valid.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import time
from pathlib import Path

import salt.payload
import salt.pillar
import salt.utils.jid
from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments, edges, errors
from saltk8s.base import files as file_writes
from saltk8s.pillar import model as models
from saltk8s.pillar.gitops import applied, jobs, role, turn
from saltk8s.pillar.gitops import pause as pauses
from saltk8s.services.prometheus import highstate

__virtualname__ = "k8s_gitops"

WAIT_S = 3600  # for another state run
TRIES = 5  # when another run begins at the same moment


def __virtual__():
    return __virtualname__


def apply(force=False):
    """
    Apply what is new: run the states ``k8s:gitops:states`` when this minion's pillar changed since the last time, or
    when the minion was away since then, because the formulas may have changed meanwhile.

    The pillar is compiled anew. A run of states that is in progress is waited for, up to an hour; when another call
    waits already, this one returns at once. A pillar that cannot be rendered raises, and changes nothing. What
    failed is tried again after five minutes, or at once with another pillar.

    force
        True: apply whether the pillar changed or not, as after a change of the formulas. A pause is kept even so. What
        keeps it from being done now does not make it forgotten: the next call does it.

    Returns a map: ``applied`` (true or false), ``why``; when applied also ``ok``, ``change``, ``failure`` (how many
    states), ``changed`` (ids), ``failed`` (id -> the first line of its comment), ``seconds``. The same is sent as the
    event ``saltk8s/<cluster>/applied``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt '*' k8s_gitops.apply
        salt '*' k8s_gitops.apply force=True
    """
    if force:
        _write(applied.ASKED, "")
    paused = _paused()
    if paused:
        return {"applied": False, "why": pauses.described(paused)}
    if not _due(applied.digest(_fresh())):
        return {"applied": False, "why": "nothing new"}
    try:
        with _turn():
            return _apply()
    except turn.AnotherWaits as err:
        return {"applied": False, "why": str(err)}


def drift(heal=None):
    """
    Run the states ``k8s:gitops:states`` with ``test=True`` and tell what they would change.

    The result goes to Prometheus as ``k8s_monitoring.export_drift`` describes it (where that service is enabled), and,
    when there is drift or a failure, to the master as the event ``saltk8s/<cluster>/drift``.

    heal
        True: apply when something would change. Default: ``k8s:gitops:drift:heal``. During a pause nothing is applied.

    Returns a map: ``ok``, ``change``, ``failure`` (how many states), ``changed`` (ids), ``failed`` (id -> the first
    line of its comment), ``written`` (where the metrics are, None when they are not collected), ``healed`` (what
    ``apply`` returned; None when it was not called).

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt '*' k8s_gitops.drift
        salt k8s-w1 k8s_gitops.drift heal=True
    """
    model = __salt__["k8s_config.get"](secrets=True)
    with _turn():
        begin = time.time()
        answer = _states(model["gitops"]["states"], test=True)
    found = highstate.counts(answer) | applied.summary(answer)
    found["written"] = _export(model, found, time.time() - begin)
    _forget_retcode()  # of the states; this function succeeded
    wanted = model["gitops"]["drift"]["heal"] if heal is None else heal
    healing = bool(wanted and found["change"] and not _paused())
    if found["change"] or found["failure"]:
        _send("drift", model["cluster"]["name"], found | {"heal": healing})
    return found | {"healed": apply(force=True) if healing else None}


def pause(why, hours=8, who=None, **kwargs):
    """
    Apply nothing by itself for some time, while somebody works by hand. What is done by hand is not affected.

    why
        The reason, for those who will ask.
    hours
        Its length; it ends by itself. At most two weeks.
    who
        Name of the operator. Default: the user whom Salt knows.

    A pause replaces the one before. Drift is told, and not healed. ``k8s_config.status`` shows the admin's.

    Returns the pause as text.
    Raises CommandExecutionError without a reason, and for a length that is none.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt '*' k8s_gitops.pause 'new disks in k8s-w1' hours=2 who=alice
    """
    name = who or kwargs.get("__pub_user") or os.environ.get("SUDO_USER") or "root"
    found = pauses.begin(str(name), str(why), hours, time.time())
    _write(pauses.FILE, pauses.text(found))
    return pauses.described(found)


def resume():
    """
    End a pause before its time. What was pushed meanwhile is applied by the next ``k8s_gitops.apply``.

    Returns the pause that ended as text, None when there was none.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt '*' k8s_gitops.resume
    """
    path = _path(pauses.FILE)
    with contextlib.suppress(errors.Invalid):
        found = _paused()
        path.unlink(missing_ok=True)
        return pauses.described(found) if found else None
    path.unlink()
    return "a pause whose file was damaged"


def status():
    """
    Return what is applied by itself here, and what was.

    Returns a map: ``paused`` (text, or None), ``last`` (``at``: ISO 8601 time of the last run by itself, ``ok``:
    whether nothing failed; None before the first), ``role`` (as it is remembered, or None). Reads this minion's files.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt '*' k8s_gitops.status
    """
    try:
        found = _paused()
        paused = pauses.described(found) if found else None
    except errors.Invalid as err:
        paused = str(err)
    last, record = _last(), _record()
    if last:
        at = datetime.datetime.fromtimestamp(last["at"], datetime.timezone.utc)
        last = {"at": at.isoformat(timespec="seconds"), "ok": last["ok"]}
    return {"paused": paused, "last": last, "role": role.described(record) if record else None}


def lost():
    """
    Return why this minion's pillar cannot be meant; an empty text when it can.

    A minion that was the admin or a node, as it remembers itself, must not be left alone because its pillar is empty,
    could not be rendered, is another cluster's, or names another admin.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt '*' k8s_gitops.lost
    """
    return _lost(dict(__pillar__))


def remember_role(test=False):
    """
    Remember what the pillar makes of this minion, in ``/var/lib/saltk8s/minion.json``.

    test
        Only return what would be changed.

    Returns ``{"changes": {"role": {"old", "new"}}}``, without changes when it is remembered already.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-w1 k8s_gitops.remember_role test=True
    """
    model = __salt__["k8s_config.get"](secrets=True)
    return _remember(role.record(model["cluster"]["name"], model["minion"]["roles"]), test)


def forget_role(test=False):
    """
    Forget what this minion was: it has left the platform, and may have no pillar.

    test
        Only return what would be changed.

    Returns ``{"changes": {"role": {"old", "new"}}}``, without changes when there was nothing to forget.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-w3 k8s_gitops.forget_role
    """
    return _remember(None, test)


def schedule(test=False):
    """
    Make the jobs of this minion's schedule those that ``k8s:gitops`` asks for, none on a minion that the pillar does
    not name; those of others are left alone.

    test
        Only return what would be changed.

    Returns ``{"changes": {job: {"old", "new"}}}``. A minion without a master gets none.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt '*' k8s_gitops.schedule test=True
    """
    model = __salt__["k8s_config.get"](secrets=True)
    wanted = jobs.wanted(model["gitops"]) if model["minion"]["roles"] else {}
    if not _has_master():
        return {"changes": {}}
    # what is saved is all there can be where nothing is wanted; to ask the minion needs its daemon
    found = __salt__["schedule.list"](return_yaml=False, offline=not wanted) or {}
    changes = {}
    for name in jobs.NAMES:
        new, old = wanted.get(name), found.get(name)
        if jobs.differs(new, old) if new else old is not None:
            changes[name] = {"old": old and _shown(old), "new": new and _shown(new)}
            if not test:
                _replace(name, old, new)
    return {"changes": changes}


def _lost(pillar):
    minion = __opts__["id"]
    return role.lost(_record(), pillar, models.roles_of(pillar.get("k8s"), minion), minion)


def _shown(job):
    return f"{job.get('function')} every {job.get('seconds')} s" + (", disabled" if job.get("enabled") is False else "")


def _replace(name, old, new):
    done = [__salt__["schedule.delete"](name)] if old else []
    done += [__salt__["schedule.add"](name, **new)] if new else []
    for answer in done:
        if not answer["result"]:
            raise CommandExecutionError(f"the minion's schedule, {name}: {answer['comment']}")


def _due(digest):
    return applied.due(_last(), digest, time.time(), _path(applied.ASKED).exists(), _started())


def _started():
    """When the minion's daemon began: it writes its pidfile then. 0 without one, as without a daemon."""
    try:
        return Path(__opts__["pidfile"]).stat().st_mtime
    except OSError:
        return 0


def _apply():
    """With the turn held: the pillar is read again, because it may have changed, or been applied, meanwhile."""
    fresh = _fresh()
    digest = applied.digest(fresh)
    why = _due(digest)
    if not why:
        return {"applied": False, "why": "nothing new"}
    begin = time.time()
    _path(applied.ASKED).unlink(missing_ok=True)  # before: who asks from now on may mean what this run does not see
    answer = _run(fresh)
    found = highstate.counts(answer) | applied.summary(answer)
    _write(applied.FILE, applied.text({"digest": digest, "at": int(time.time()), "ok": not found["failure"]}))
    if _has_master():
        __salt__["saltutil.refresh_pillar"]()  # the schedule's other functions read the pillar in memory
    found |= {"applied": True, "why": why, "seconds": round(time.time() - begin, 1)}
    _send("applied", _cluster(fresh), found)
    return found


def _states(wanted, **kwargs):
    """Run states; with the turn held."""
    for _ in range(TRIES):
        answer = __salt__["state.apply"](",".join(wanted), **kwargs)
        if not (isinstance(answer, list) and any("is running as PID" in str(line) for line in answer)):
            return answer
        time.sleep(turn.ASK_S)
    return answer


def _run(pillar):
    """Apply a pillar's states. Of one that is lost or not valid ``k8s`` says so, in test mode: the run reads the pillar
    again, and one that was put right in between would be applied with all of ``k8s``, whatever states it names."""
    tree = pillar.get("k8s")
    if not tree or _lost(pillar) or not __salt__["k8s_config.validate"](tree=tree)["valid"]:
        return _states(["k8s"], test=True)
    return _states((tree.get("gitops") or {}).get("states") or ["k8s"])


def _fresh():
    return edges.compiled(salt.pillar.get_pillar, __opts__, __grains__, CommandExecutionError)


def _has_master():
    """Without one nobody is there to hear an event, nor to wait for it."""
    return __opts__.get("file_client") != "local"


def _cluster(pillar):
    tree = pillar.get("k8s")
    cluster = tree.get("cluster") if isinstance(tree, dict) else None
    return str((cluster if isinstance(cluster, dict) else {}).get("name") or (_record() or {}).get("cluster") or "-")


def _export(model, found, seconds):
    """Write the metrics, where Prometheus collects them."""
    roles = model["minion"]["roles"]
    collected = "node" in roles or ("admin" in roles and model["services"]["prometheus"]["enabled"])
    return __salt__["k8s_monitoring.export_result"](found, seconds) if collected else None


def _send(what, cluster, data):
    if _has_master():
        edges.sender(__salt__, f"saltk8s/{cluster}")(what, {"minion": __opts__["id"], **data})


def _forget_retcode():
    __context__.pop("retcode", None)


def _turn():
    return turn.taken(Path(__opts__["cachedir"]) / "saltk8s", _others, _announced, WAIT_S)


def _others():
    return bool(__salt__["saltutil.is_running"]("state.*"))


@contextlib.contextmanager
def _announced():
    """Be seen by Salt as a state run, so that others wait for this one or say that it runs: in this job's place, Salt
    knows only of a function that is none of the module ``state``."""
    jid = salt.utils.jid.gen_jid(__opts__)
    folder = Path(__opts__["cachedir"]) / "proc"
    folder.mkdir(exist_ok=True)
    job = {"fun": "state.apply", "jid": jid, "pid": os.getpid(), "id": __opts__["id"], "arg": [], "tgt": __opts__["id"]}
    job |= {"tgt_type": "glob", "ret": "", "user": "root"}
    (folder / jid).write_bytes(salt.payload.dumps(job))
    try:
        yield
    finally:
        (folder / jid).unlink(missing_ok=True)


def _paused():
    return pauses.parse(file_writes.read(_path(pauses.FILE)), time.time())


def _last():
    return applied.parse(file_writes.read(_path(applied.FILE)))


def _record():
    return role.parse(file_writes.read(_path(role.FILE)))


def _remember(wanted, test):
    found = _record()
    if found == wanted:
        return {"changes": {}}
    if not test and wanted:
        _write(role.FILE, role.text(wanted))
    elif not test:
        _path(role.FILE).unlink()
    old, new = (one and role.described(one) for one in (found, wanted))
    return {"changes": {"role": {"old": old, "new": new}}}


def _write(path, text):
    place = _path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    file_writes.write(place, text)


def _path(path):
    """A path below the root, which tests move (see k8s_host)."""
    return Path(__opts__.get("saltk8s_root", "/")) / path.lstrip("/")


arguments.guard(globals(), SaltInvocationError, CommandExecutionError)
