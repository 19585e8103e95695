"""The repository as somebody else gets it: a copy, a git remote, a wheel in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DELIVERED = ("salt", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "pillar.example")
LINKS = ("_modules", "_states", "_utils", "_clouds")
PRIVATE = ("tests/", "lab/", ".git", "docs/", "README.md", "Makefile", "pillar.example")
SALT_CALL = "import sys; from salt.scripts import salt_call; sys.exit(salt_call())"


def copy(target: Path) -> Path:
    """Copy what is delivered, symlinks as symlinks, without what a build leaves; return the copy's folder."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist")
    target.mkdir(parents=True)
    for name in DELIVERED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, symlinks=True, ignore=ignore)
        else:
            shutil.copyfile(source, target / name)
    for name in LINKS:
        (target / name).symlink_to((ROOT / name).readlink())
    return target


def run(*argv: Any, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a program, return its standard output; fail with all of its output."""
    done = subprocess.run(
        [str(word) for word in argv], cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{argv[0]} exited with status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def git(*args: Any, cwd: Path) -> str:
    """Run git as nobody in particular, whatever the machine's git configuration says."""
    who = {f"GIT_{role}_{what}": "tests@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return run("git", *args, cwd=cwd, env={**who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull})


def commit(work: Path, subject: str) -> None:
    """Commit everything in a work tree on branch main (made when there is none)."""
    if not (work / ".git").exists():
        git("init", "-q", "-b", "main", cwd=work)
    git("add", "-A", cwd=work)
    git("commit", "-q", "-m", subject, cwd=work)


def wheel(source: Path, target: Path) -> Path:
    """Build the wheel of a copy with the tools of this environment; return its path."""
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, source)
    return next(target.glob("*.whl"))


def environment(folder: Path) -> Path:
    """Make a virtual environment that has this one's packages (Salt above all) beside its own; return its Python."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "lib" / version / "site-packages" / "salt.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def pip_install(python: Path, *args: Any) -> None:
    """Install something of ours into an environment, and nothing else with it."""
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", *args)


class Masterless:
    """``salt-call --local`` of an environment, with a configuration of its own."""

    def __init__(self, python: Path, folder: Path, **config: Any):
        self.python = python
        self.folder = folder
        (folder / "pki").mkdir(parents=True)
        base = {
            "id": "k8s-admin",
            "root_dir": str(folder),
            "file_client": "local",
            "master_type": "disable",
            "log_file": str(folder / "log"),
            "enable_fqdns_grains": False,
            "enable_gpu_grains": False,
            "pillar_roots": {"base": [str(folder / "pillar")]},
        }
        (folder / "minion").write_text(yaml.safe_dump({**base, **config}))

    def call(self, function: str, *args: str) -> Any:
        """Run a function; return its answer as data."""
        argv = [self.python, "-c", SALT_CALL, "--config-dir", self.folder, "--local", "--out=json", function, *args]
        return json.loads(run(*argv))["local"]


def leaked(files: list[str]) -> list[str]:
    """What a master's file server shows of the repository and should not."""
    return [path for path in files if path.startswith(PRIVATE)]
