"""The errors of several objects as one."""

from __future__ import annotations

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors


def test_the_errors_of_several_objects_keep_their_code():
    denied = [api_errors.Denied(f"{name}: no", "hook.example.org", "no") for name in "ab"]
    combined = api_errors.combined(denied)
    assert str(combined) == "a: no\nb: no" and combined.details()["webhook"] == "hook.example.org"
    conflict = api_errors.combined([errors.Conflict(f"{name}: theirs", name) for name in "ab"])
    assert conflict.details() == {"error": "conflict", "manager": "a"}
    mixed = api_errors.combined([errors.Invalid("a", "spec.x", "no"), errors.Conflict("b", "b")])
    assert mixed.details() == {"error": "invalid", "field": "spec.x", "reason": "no"}
    assert api_errors.combined([]) is None and api_errors.combined(denied[:1]) is denied[0]


def test_every_error_has_a_code_of_its_own():
    found = [errors.SaltK8sError]
    for one in found:
        found += one.__subclasses__()
    codes = [one.__dict__["code"] for one in found if "code" in one.__dict__]
    assert len(codes) > 10 and len(codes) == len(set(codes))
