"""What is shown of a value."""

from __future__ import annotations

import pytest
from saltk8s.base import redact


@pytest.mark.parametrize(
    "value, secret, shown",
    [
        (None, True, "nothing"),
        ("a\nb", False, r"'a\nb'"),
        ("x" * 500, False, "'" + "x" * 78 + "…"),
        ("hunter2", True, "<redacted>"),
        ({"a": "hunter2"}, False, "a map of 1 key"),
        (["hunter2", "b"], False, "a list of 2 items"),
        ("-----BEGIN RSA PRIVATE KEY-----", False, "<redacted>"),
        ("https://u:hunter2@host/x", False, "'https://<redacted>@host/x'"),
        (True, True, "true"),
    ],
)
def test_what_is_shown(value, secret, shown):
    assert redact.show(value, secret) == shown


def test_a_number_that_cannot_be_shown():
    assert redact.show(10**5000) == "a number that is too long"
