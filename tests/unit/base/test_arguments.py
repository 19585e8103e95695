"""What an execution function raises is Salt's error, with one clear text, whatever failed beneath."""

from __future__ import annotations

import errno

import pytest
from saltk8s.base import arguments, errors


class Invalid(Exception):
    """Salt's, for arguments."""


class Failed(Exception):
    """Salt's, for everything else."""


def fails(error=None, test=False):
    raise error


def guarded():
    module = {"__name__": __name__, "__virtualname__": "kubectl", "fails": fails}
    arguments.guard(module, Invalid, Failed)
    return module["fails"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/var/x"), "Permission denied: /var/x"),
        (OSError(errno.EROFS, "Read-only file system", "/var/x"), "Read-only file system: /var/x"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "/etc"), "Is a directory: /etc"),
        (OSError(errno.EXDEV, "Invalid cross-device link", "/a", None, "/b"), "Invalid cross-device link: /a -> /b"),
        (OSError("the disk is gone"), "the disk is gone"),
        (errors.Refused("nothing was done"), "nothing was done"),
    ],
)
def test_what_fails_is_one_error(error, text):
    with pytest.raises(Failed) as raised:
        guarded()(error)
    assert str(raised.value) == text and raised.value.details["error"] in ("failed", "refused")


def test_arguments_are_refused_before():
    with pytest.raises(Invalid, match="kubectl.fails has no argument 'Test', nothing was done: did you mean test"):
        guarded()(ValueError(), Test=True)
    with pytest.raises(ValueError, match="a fault of ours"):  # is not hidden
        guarded()(ValueError("a fault of ours"))
