"""Keys, passwords and certificates: made anew for each lab, in a folder that root alone may enter."""

from __future__ import annotations

import json
import pathlib
import secrets

from labkit import config
from labkit.shell import run

DAYS = "30"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
# whose certificates the lab's authority signs, and for which names
LEAVES = {
    "vcenter": f"IP:{config.GATEWAY}",
    "registry": f"IP:{config.GATEWAY}",
    "s3": f"IP:{config.GATEWAY}",
    "platform": f"DNS:{config.DOMAIN}, DNS:*.{config.DOMAIN}",  # what Traefik shows
}
LEAF = """basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = {names}
authorityKeyIdentifier = keyid
"""


def folder() -> pathlib.Path:
    """The folder of all secrets of this lab."""
    return config.state() / "secrets"


def path(name: str) -> pathlib.Path:
    """A secret's file."""
    return folder() / name


def read(name: str) -> str:
    """A secret's text, without the newline at its end."""
    return path(name).read_text().rstrip("\n")


def write_private(target: pathlib.Path, text: str) -> None:
    """Write a file that nobody else could read at any moment."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    target.unlink(missing_ok=True)
    target.touch(mode=0o600)
    target.write_text(text)


def make() -> None:
    """Make everything."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    folder().chmod(0o700)
    for name in ("rke_key", "cloud_key"):
        path(name).unlink(missing_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name}@saltk8s-lab", "-f", path(name))
    s3 = [f"{server}_{key}" for server in ("s3", "etcd_s3") for key in ("access_key", "secret_key")]
    for name in ("registry_password", "vcenter_password", *s3, "backup_password"):
        write_private(path(name), secrets.token_urlsafe(24) + "\n")
    _certificates()
    # what the tests look for where it must not be; a line of the SSH key that is in no public part
    canaries = {
        "ssh key": read("rke_key").splitlines()[3],
        "registry password": read("registry_password"),
        "vCenter password": read("vcenter_password"),
        "platform key": read("platform.key").splitlines()[2],
        "S3 secret key": read("s3_secret_key"),
        "secret key of the snapshots' S3": read("etcd_s3_secret_key"),
        "backup password": read("backup_password"),
    }
    write_private(folder() / "admin" / "canaries.json", json.dumps(canaries) + "\n")
    write_private(folder() / "admin" / "cloud_key", read("cloud_key") + "\n")


def _certificates() -> None:
    run(
        "openssl",
        "req",
        "-x509",
        *CURVE,
        "-days",
        DAYS,
        "-subj",
        "/CN=saltk8s lab CA",
        "-keyout",
        path("ca.key"),
        "-out",
        path("ca.crt"),
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
    )
    for name, names in LEAVES.items():
        path("leaf.cnf").write_text(LEAF.format(names=names))
        run(
            "openssl",
            "req",
            "-new",
            *CURVE,
            "-subj",
            f"/CN={name}",
            "-keyout",
            path(f"{name}.key"),
            "-out",
            path(f"{name}.csr"),
        )
        run(
            "openssl",
            "x509",
            "-req",
            "-days",
            DAYS,
            "-in",
            path(f"{name}.csr"),
            "-CA",
            path("ca.crt"),
            "-CAkey",
            path("ca.key"),
            "-CAcreateserial",
            "-extfile",
            path("leaf.cnf"),
            "-out",
            path(f"{name}.crt"),
        )
    for key in folder().glob("*.key"):
        key.chmod(0o600)
