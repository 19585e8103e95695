"""The site's S3 servers: where backups go, and where etcd's snapshots go, each behind TLS and a key of its own.

Each runs in a container on this machine's network, as the registry does. Their buckets are folders
that go with the lab.
"""

from __future__ import annotations

from labkit import config, images, keys
from labkit.registry import answers
from labkit.shell import run, until

# container: folder and prefix of its keys, port, bucket
SERVERS = {
    "saltk8s-lab-s3": ("s3", config.S3_PORT, config.S3_BUCKET),
    "saltk8s-lab-etcd-s3": ("etcd_s3", config.ETCD_S3_PORT, config.ETCD_S3_BUCKET),
}


def start(version: str) -> None:
    """Start the servers with this lab's keys and certificate; the platform's buckets are there."""
    for name, (own, port, bucket) in SERVERS.items():
        _start(version, name, own, port, bucket)


def _start(version: str, name: str, own: str, port: int, bucket: str) -> None:
    folder = config.state() / own
    for part in ("data", "meta", "conf"):
        (folder / part).mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "data" / bucket).mkdir(exist_ok=True)
    for file in ("s3.crt", "s3.key"):
        keys.write_private(folder / "conf" / file, keys.read(file) + "\n")
    # in a file: an argument of docker could be read by everybody on this machine
    root = {"ROOT_ACCESS_KEY_ID": f"{own}_access_key", "ROOT_SECRET_ACCESS_KEY": f"{own}_secret_key"}
    keys.write_private(folder / "environment", "".join(f"{word}={keys.read(key)}\n" for word, key in root.items()))
    run("docker", "rm", "-f", name, check=False)
    run(
        "docker",
        "run",
        "-d",
        "--name",
        name,
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
        f"--port={config.GATEWAY}:{port}",
        "--cert=/conf/s3.crt",
        "--key=/conf/s3.key",
        "posix",
        # an object's metadata: not every file system keeps extended attributes
        "--sidecar=/meta",
        "/data",
    )
    until(lambda: answers(f"https://{config.GATEWAY}:{port}/"), f"{name} answers", 20)


def stop() -> None:
    """Remove the servers' containers; what they hold goes with the lab's folder."""
    for name in SERVERS:
        run("docker", "rm", "-f", name, check=False)
