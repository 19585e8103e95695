"""Salt's wheels, made inside the template's own Debian, so that they fit its Python whatever this machine runs."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil

from labkit import config
from labkit.shell import run

MINION = ("salt", "pyyaml", "requests")
MASTER = ("saltext.vcf-cloud", "pyvmomi")
CONSTRAINTS = config.ROOT / "requirements" / "constraints-3008.txt"
# how this machine reaches the package index
PASSED = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "http_proxy", "https_proxy", "no_proxy")
AUTHORITIES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")


def pinned(text: str) -> dict[str, str]:
    """Name (lower case) -> version of a constraints file."""
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    return {
        name.strip().lower(): version.strip()
        for name, _, version in (line.partition("==") for line in lines)
        if version
    }


def requirements(names: tuple[str, ...]) -> str:
    """Pinned requirement lines of those packages."""
    versions = pinned(CONSTRAINTS.read_text())
    return "".join(f"{name}=={versions[name]}\n" for name in names)


def key() -> str:
    """Hash of what the wheels are: our packages, and the versions of everything they may pull in."""
    text = requirements(MINION) + requirements(MASTER) + CONSTRAINTS.read_text() + config.DEBIAN
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def folder() -> pathlib.Path:
    """Where the wheels lie, with ``minion.txt`` and ``master.txt`` beside them."""
    return config.store() / f"wheels-{key()}"


def build(image: str) -> None:
    """Download or build the wheels in a container of that image (Debian with Python's venv)."""
    target = folder()
    unfinished = target.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    (unfinished / "minion.txt").write_text(requirements(MINION))
    (unfinished / "master.txt").write_text(requirements(MASTER))
    shutil.copyfile(CONSTRAINTS, unfinished / "constraints.txt")
    argv = ["docker", "run", "--rm", "-v", f"{unfinished}:/wheels"]
    if AUTHORITIES.exists():
        argv += ["-v", f"{AUTHORITIES}:{AUTHORITIES}:ro", "-e", f"PIP_CERT={AUTHORITIES}"]
    for name in PASSED:
        argv += ["-e", name] if name in os.environ else []
    script = (
        "python3 -m venv /v && /v/bin/pip -q install -c /wheels/constraints.txt wheel setuptools && cd /wheels && "
        "/v/bin/pip -q wheel -c constraints.txt -r minion.txt -r master.txt"
    )
    run(*argv, image, "sh", "-c", script, log="images.log", timeout_s=1200)
    unfinished.replace(target)
