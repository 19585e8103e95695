"""The site's S3 server: where backups go, outside the cluster, behind TLS and a key.

It runs in a container on this machine's network, as the registry does. Its buckets are folders; they go with the lab.
"""

from __future__ import annotations

from labkit import config, images, keys
from labkit.registry import answers
from labkit.shell import run, until

NAME = "saltk8s-lab-s3"


def start(version: str) -> None:
    """Start the server with this lab's key and certificate; the platform's bucket is there."""
    folder = config.state() / "s3"
    for part in ("data", "meta", "conf"):
        (folder / part).mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "data" / config.S3_BUCKET).mkdir(exist_ok=True)
    for name in ("s3.crt", "s3.key"):
        keys.write_private(folder / "conf" / name, keys.read(name) + "\n")
    # in a file: an argument of docker could be read by everybody on this machine
    root = {"ROOT_ACCESS_KEY_ID": "s3_access_key", "ROOT_SECRET_ACCESS_KEY": "s3_secret_key"}
    keys.write_private(folder / "environment", "".join(f"{name}={keys.read(key)}\n" for name, key in root.items()))
    run("docker", "rm", "-f", NAME, check=False)
    run(
        "docker",
        "run",
        "-d",
        "--name",
        NAME,
        "--network",
        "host",
        "--env-file",
        folder / "environment",
        "-v",
        f"{folder / 'data'}:/data",
        "-v",
        f"{folder / 'meta'}:/meta",
        "-v",
        f"{folder / 'conf'}:/conf:ro",
        images.local_ref("s3", version),
        "--quiet",
        f"--port={config.S3}",
        "--cert=/conf/s3.crt",
        "--key=/conf/s3.key",
        "posix",
        # an object's metadata: not every file system keeps extended attributes
        "--sidecar=/meta",
        "/data",
    )
    until(lambda: answers(f"https://{config.S3}/"), "the S3 server answers", 20)


def stop() -> None:
    """Remove the server's container; what it holds goes with the lab's folder."""
    run("docker", "rm", "-f", NAME, check=False)
