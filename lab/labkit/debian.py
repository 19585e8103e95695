"""Where this machine gets Debian's packages: the lab's images come from the same place."""

from __future__ import annotations

import functools

from labkit.shell import LabError, run


@functools.cache
def mirror() -> str:
    """The archive's address, as apt is configured."""
    listing = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main")
    for address in run(*listing, "Origin: Debian").split():
        if "security" not in address:
            return address.rstrip("/")
    raise LabError("no Debian archive in apt's sources: this machine is not Debian, or `apt-get update` was never run")
