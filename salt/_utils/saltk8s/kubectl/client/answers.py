"""The API server's answer in kubectl's text, recognised by its form and never by a word of its message.

Policies and webhooks write messages of their own, with any words and any number of lines in them, those of another
error too. So what decides is what kubectl and the API server put before such a message, and only of the first error.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors

MOST_LINES = 10  # of kubectl's own text in one error: several objects, and each may have its own

_NAME = r'"(?:[^"\\\n]|\\.)*"'
_FORMS = (
    (None, r"Error from server(?: \((?P<reason>[^)\n]*)\))?: (?:error when \w+ \"STDIN\": )?(?P<message>.*)"),
    ("Invalid", rf"The request is invalid: (?P<message>.*)|The \S+ {_NAME} is invalid: (?P<fields>.*)"),
    ("Unauthorized", r"You must be logged in to the server \((?P<message>.*)\)"),
    ("UnsupportedMediaType", r"Server-side apply not available on the server: \((?P<message>.*)\)"),
    ("Conflict", r"(?P<message>(?:admission webhook \"|Operation cannot be fulfilled on ).*)"),
)
_SERVER = tuple((reason, re.compile(form, re.DOTALL)) for reason, form in _FORMS)
_OUR_RIGHTS = re.compile(rf"(?:\S+(?: {_NAME})? is )?forbidden: User {_NAME} cannot ")
_REJECTED = re.compile(
    rf"(?P<object>\S+(?: (?P<name>{_NAME}))? is forbidden: )(?P<reason>.*)"
    r"|(?:: )?(?P<policy>ValidatingAdmissionPolicy '.*)",
    re.DOTALL,
)
_WEBHOOK = re.compile(
    r"admission webhook \"(?P<webhook>[^\"]+)\" (?:denied the request(?:: (?P<reason>.*)| without explanation)?"
    r"|(?P<no_dry_run>does not support dry run))",
    re.DOTALL,
)
_WEBHOOK_FAILED = re.compile(
    r"(?:Internal error occurred: )?(?:failed calling webhook \"(?P<webhook>[^\"]+)\": "
    r"|conversion webhook for (?P<kind>\S+ Kind=[^\s:]+) failed: )(?P<reason>[^\n]*)"
)
_TERMINATING = re.compile(
    r"unable to create new content in namespace (?P<namespace>\S+) because it is being terminated"
)
_NEXT_DENIED = re.compile(r"\)?\n.*admission webhook \"")


class Answer(NamedTuple):
    """reason: the API server's word for the error, "" for none; message: its text, those of further errors after it;
    fields: the message is a list of fields."""

    reason: str
    message: str
    fields: bool = False

    @property
    def about_our_rights(self) -> bool:
        """Whether the API server says that the user has no permission; policies say "forbidden" of an object."""
        return bool(_OUR_RIGHTS.match(self.message))


def first(text: str) -> Answer | None:
    """Return the first error in kubectl's text as the API server's answer; None when it is kubectl's own."""
    for reason, form in _SERVER:
        found = form.match(text)
        if found:
            parts = found.groupdict()
            message = parts["message"] if parts["message"] is not None else parts["fields"]
            return Answer(reason or parts.get("reason") or "", message, parts.get("fields") is not None)
    return None


def shown(text: str) -> str:
    """Return kubectl's text without its prefixes, shortened to MOST_LINES lines."""
    text = re.sub(r"^Error from server(?: \([^)\n]*\))?: (?:error when \w+ \"STDIN\": )?", "", text.strip(), flags=re.M)
    lines = list(dict.fromkeys(text.splitlines()))
    more = [f"and {len(lines) - MOST_LINES} lines more"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more])


def admission(answer: Answer, what: str) -> errors.SaltK8sError | None:
    """Return the error when admission control rejects an object, or cannot do its work; what: the object's title."""
    message = answer.message
    failed = _WEBHOOK_FAILED.match(message)
    if failed:
        name = failed["webhook"] or failed["kind"]
        called = "the admission webhook" if failed["webhook"] else "the conversion webhook for"
        text = f"{what}: the API server cannot call {called} {name!r} and rejects the request: {failed['reason']}"
        if not failed["webhook"]:
            text += ": " + without_conversion(name.partition("/")[0])
        return api_errors.WebhookFailed(text, name)
    denied = _WEBHOOK.match(message)
    if denied:
        return _denied(denied, what)
    if answer.about_our_rights:
        return None
    rejected = _REJECTED.match(message)
    if not rejected:
        return None
    reason = shown(rejected["reason"] or rejected["policy"])
    terminating = _TERMINATING.match(reason)
    if terminating:
        return api_errors.terminating(terminating["namespace"], what=what)
    name = (rejected["name"] or "").strip('"')
    known = name and what.endswith((f"/{name}", f" {name}"))  # kubectl repeats the object that a title names
    return errors.Invalid(
        f"{what}: {reason if known or not rejected['object'] else rejected['object'] + reason}",
        reason=reason,
        by="admission",
    )


def without_conversion(group: str) -> str:
    """Return the way out when objects of a group cannot be converted."""
    patch = '{"spec":{"conversion":{"strategy":"None","webhook":null}}}'
    return (
        "mend what spec.conversion.webhook of its definition calls; if a set that has such objects would do that, let "
        f"them be read without it (kubectl patch crd PLURAL.{group} --type=merge -p '{patch}'), run that set, and "
        "change no such object before: what the versions call by other names is not converted meanwhile"
    )


def _denied(found: re.Match[str], what: str) -> api_errors.Denied:
    webhook = found["webhook"]
    if found["no_dry_run"]:
        reason = "does not support dry runs (sideEffects in its configuration): nothing can be checked before writing"
        return api_errors.Denied(f"{what}: the admission webhook {webhook!r} {reason}", webhook, reason)
    # each of several objects repeats the sentence: one reason is enough, DryRun.rejected() asks for the others
    reason = shown(_NEXT_DENIED.split(found["reason"] or "")[0]) or "no reason given"
    return api_errors.Denied(f"{what}: the admission webhook {webhook!r} denied the request: {reason}", webhook, reason)
