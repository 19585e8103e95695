"""The tutorial for the laboratories' developers, block by block as it stands there, with a tenant's own kubeconfig."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess

import pytest
from conftest import ADMIN
from labkit import gobuild, programs
from tests.support import tutorial

SERVICE = "tenants"
KUBECONFIG = "/var/lib/saltk8s/lab/tenants/resif.kubeconfig"
TRAEFIK = "172.31.50.200"
# what differs between the page's site and the lab
HERE = {"registry.osug.example/library": "172.31.50.1:5000", "osug.example": "lab.example"}


def localised(text: str) -> str:
    """A text of the page for the lab: its registry, its domain."""
    for site, lab in HERE.items():
        text = text.replace(site, lab)
    return text


@pytest.fixture(scope="module")
def desk(lab, tmp_path_factory):
    """A developer's desk: the page's files, kubectl, the kubeconfig, and a curl that finds the lab's host names."""
    folder = tmp_path_factory.mktemp("desk")
    for path in tutorial.OBJECTS.glob("*.yaml"):
        (folder / path.name).write_text(localised(path.read_text()))
    config = folder / "resif.kubeconfig"
    config.write_text(lab.salt(ADMIN, "file.read", KUBECONFIG)[ADMIN])
    config.chmod(0o600)
    tools = folder / "bin"
    tools.mkdir()
    (tools / "kubectl").symlink_to(gobuild.path_of(programs.BY_NAME["kubectl"], gobuild.go_version()))
    # the lab has no DNS for its hosts, and its authority is nobody's
    curl = tools / "curl"
    curl.write_text(f'#!/bin/sh\nexec /usr/bin/curl --insecure --connect-to ::{TRAEFIK}: "$@"\n')
    curl.chmod(curl.stat().st_mode | stat.S_IXUSR)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "KUBECONFIG": str(config), "HOME": str(folder)}
    yield folder, environment
    subprocess.run(
        ["kubectl", "delete", "all,ingress,pvc,cronjobs", "--all", "--wait=true", "--timeout=120s"],
        env=environment,
        cwd=folder,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("number", range(1, len(tutorial.blocks("en")) + 1))
def test_a_block_of_the_tutorial(desk: tuple[pathlib.Path, dict], number):
    folder, environment = desk
    block = tutorial.blocks("en")[number - 1]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", localised(block.commands)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    said = f"block {number}\n{block.commands}\nexited with status {done.returncode}\n{done.stdout}{done.stderr}"
    # `kubectl auth can-i` says no with its exit status, too
    assert done.returncode == 0 or block.shows == "no", said
    assert localised(block.shows) in done.stdout, said
