"""The verbs of the lab: up, down, status, exec."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys

from labkit import (
    admin,
    config,
    dockerd,
    gobuild,
    images,
    keys,
    machines,
    mainjob,
    nfs,
    objectstore,
    owngo,
    pillar,
    preflight,
    recipes,
    registry,
    seed,
    vcenter,
)
from labkit.shell import LabError, run, running, succeeds
from labkit.steps import Steps

STOPS = ("images", "master", "machines", "cluster")


def up(steps: Steps, until: str = "cluster", profile: str = "default") -> int:
    """Bring the lab with a profile's machines up as far as ``until``; return the exit status."""
    preflight.check(steps.say)
    if config.state().exists() and (running(vcenter.NAME) or succeeds("docker", "inspect", config.ADMIN)):
        raise LabError("a lab already exists: `make lab-status` shows it, `make lab-down` removes it")
    warm = preflight.is_warm()
    shutil.rmtree(config.logs(), ignore_errors=True)
    for folder in (config.store(), config.state(), config.logs()):
        folder.mkdir(parents=True, exist_ok=True)
    config.state().chmod(0o700)
    with steps.step("Docker") as note:
        note.append("started" if dockerd.ensure() else "already running")
    programs = _build(steps)
    if until != "images":
        _site(steps, programs, profile)
    if until in ("machines", "cluster"):
        _machines(steps)
    if until == "cluster":
        _cluster(steps)
    case = f"lab {'warm' if warm else 'cold'}" if until == "cluster" else f"lab until {until}"
    case += "" if profile == "default" else f", profile {profile}"
    steps.save(case)
    steps.say(f"{steps.total():6.1f} s  in all ({case})")
    return 0


def _build(steps: Steps) -> dict[str, pathlib.Path]:
    """Everything that is kept for the next lab; returns program name -> path."""
    version = gobuild.go_version()
    with steps.step("Go programs") as note:
        built: list[str] = []
        programs = gobuild.build_all(images.needed_programs(), report=_say_and_count(steps, built))
        owngo.build_own("vcsim")
        for name in sorted({name for image in recipes.IMAGES for name in image.own}):
            owngo.build_own(name, config.LAB / "tools" / name)
        note.append(f"{len(built)} built" if built else "up to date")
    with steps.step("Debian base image") as note:
        note.append("built" if images.build_base() else "up to date")
    with steps.step("images") as note:
        count = images.build_all(version, lambda name: None)
        note.append(f"{count} built" if count else "up to date")
    with steps.step("the nodes' image store") as note:
        note.append("filled" if seed.build(version) else "up to date")
    with steps.step("registry content") as note:
        count = registry.push(version, lambda name: None)
        note.append(f"{count} images pushed" if count else "up to date")
    images.prune(version)
    return programs


def _say_and_count(steps: Steps, built: list[str]):
    def report(line: str) -> None:
        built.append(line)
        steps.say(f"          {line}")

    return report


def _site(steps: Steps, programs: dict[str, pathlib.Path], profile: str) -> None:
    """The site before the platform: network, registry, vCenter, Salt master."""
    version = gobuild.go_version()
    with steps.step("keys and passwords of this lab"):
        keys.make()
        pillar.write(programs, profile)
    with steps.step("network, registry and S3 servers"):
        machines.create_network()
        registry.start(version)
        objectstore.start(version)
    with steps.step("NFS server"):
        nfs.start(version)
    with steps.step("vCenter simulator"):
        vcenter.start(version)
    with steps.step("Salt master and admin minion"):
        admin.create(version, programs)


def _machines(steps: Steps) -> None:
    """Salt Cloud: from the pillar to machines whose minions answer."""
    with steps.step(f"salt '{config.ADMIN_MINION}' state.apply k8s.cloud"):
        mainjob.prepare_cloud()
    with steps.step(f"salt-cloud -m {config.MAP} -P -y"):
        mainjob.create_machines()
    with steps.step("salt '*' test.ping"):
        mainjob.check_minions()
        mainjob.check_closed()


def _cluster(steps: Steps) -> None:
    """Salt states: from machines to a cluster with its services."""
    with steps.step("salt '*' state.apply k8s test=True") as note:
        note.append(mainjob.preview())
    with steps.step("salt '*' state.apply k8s") as note:
        answers = mainjob.apply("*", "k8s", log="apply.log")
        note.append(
            ", ".join(f"{sls} {seconds:.0f} s" for sls, seconds in mainjob.stages(answers).items() if seconds >= 1)
        )
    steps.times[-1]["stages_s"] = mainjob.stages(answers)
    with steps.step("all nodes Ready"):
        table = mainjob.check_nodes()
    steps.say(table.rstrip())
    steps.say("The lab is running: lab/bin/kubectl get nodes, lab/bin/salt '*' test.ping; `make lab-down` removes it.")


def down(steps: Steps) -> int:
    """Remove everything of the lab but the cache; the lab may be incomplete, or not exist."""
    if not config.state().exists() and not dockerd.answers():
        steps.say("no lab found")
        return 0
    with steps.step("machines") as note:
        vcenter.stop()
        if dockerd.answers():
            nfs.stop()
            gone = machines.remove_all()
            registry.stop()
            objectstore.stop()
            note.append(f"{len(gone)} removed")
    with steps.step("Docker") as note:
        others = dockerd.others() if dockerd.ours() else []
        if others:
            note.append(f"left running, used by other containers: {', '.join(others)}")
        else:
            note.append("stopped" if dockerd.stop() else "left running: not started by the lab")
    _forget(keep_docker=bool(others))
    return 0


def _forget(keep_docker: bool) -> None:
    """Remove what belonged to this lab; what is needed to stop Docker later stays with ``keep_docker``."""
    kept = dockerd.KEPT if keep_docker else ()
    for entry in config.state().iterdir() if config.state().exists() else ():
        if entry.name in kept:
            continue
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    if not keep_docker and config.state().exists():
        config.state().rmdir()


def status(steps: Steps) -> int:
    """Show what is running; exit status 0 when the cluster's nodes are all Ready."""
    if not dockerd.answers():
        steps.say("no lab found (Docker is not running)")
        return 1
    steps.say(f"vCenter simulator   {'running' if running(vcenter.NAME) else 'not running'}")
    for name in (registry.NAME, *objectstore.SERVERS, config.NFS, config.ADMIN):
        state = run("docker", "inspect", "-f", "{{.State.Status}}", name, check=False).strip()
        steps.say(f"{name:<19} {state or 'not found'}")
    found = machines.virtual_machines()
    for name in pillar.nodes():
        steps.say(f"{name:<19} {'exists' if name in found else 'not found'}")
    if not succeeds("docker", "inspect", config.ADMIN):
        return 1
    try:
        steps.say(mainjob.check_nodes().rstrip())
    except LabError as err:
        steps.say(str(err))
        return 1
    return 0


def execute(argv: list[str]) -> int:
    """Run a command on the Salt master in place of this process; input and terminal are passed on when there are."""
    if not argv:
        raise LabError("exec: no command given, for example: exec salt '*' test.ping")
    flags = ["-i"]
    if sys.stdin.isatty() and sys.stdout.isatty():
        flags.append("-t")
    environment = ["-e", f"KUBECONFIG={config.STATE_DIR}/kube_config_cluster.yml"]
    os.execvp("docker", ["docker", "exec", *flags, *environment, config.ADMIN, *argv])
