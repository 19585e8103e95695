"""The site's registry: the stock images under their stock names, behind TLS and a password.

It runs in a container of its own on this machine's network, so that no registry has to be installed. Pushing goes
through a second one that listens on loopback without a password, on the same storage, before the real one starts.
"""

from __future__ import annotations

import json
import pathlib
import urllib.error
import urllib.request

from labkit import config, images, keys
from labkit.recipes import published
from labkit.shell import run, until

NAME = "saltk8s-lab-registry"
PUSHER = "saltk8s-lab-registry-push"
PUSH_ADDRESS = "127.0.0.1:5055"


def storage() -> pathlib.Path:
    """Where the registry keeps blobs and manifests."""
    return config.store() / "registry"


def settings(address: str, secure: bool) -> str:
    """The registry's configuration (JSON is YAML)."""
    http: dict = {"addr": address}
    value: dict = {"version": 0.1, "log": {"level": "warn"}, "storage": {"filesystem": {"rootdirectory": "/storage"}}}
    if secure:
        http["tls"] = {"certificate": "/conf/registry.crt", "key": "/conf/registry.key"}
        value["auth"] = {"htpasswd": {"realm": "saltk8s-lab", "path": "/conf/htpasswd"}}
    return json.dumps(value | {"http": http})


def _start(name: str, folder: pathlib.Path, version: str) -> None:
    run("docker", "rm", "-f", name, check=False)
    run(
        "docker",
        "run",
        "-d",
        "--name",
        name,
        "--network",
        "host",
        "-v",
        f"{storage()}:/storage",
        "-v",
        f"{folder}:/conf:ro",
        images.local_ref("registry", version),
        "/conf/config.yml",
    )


def answers(url: str) -> bool:
    """Whether a server answers at a URL, with any status."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True  # 401: it is up
    except OSError as err:
        return "CERTIFICATE_VERIFY_FAILED" in str(err)  # the lab's own CA is unknown to this machine
    return True


def outdated(version: str) -> dict[str, str]:
    """Stock name -> id of the image, for what the storage does not hold yet."""
    known = _pushed()
    wanted = {
        image.ref: run("docker", "image", "inspect", "-f", "{{.Id}}", images.local_ref(image.name, version)).strip()
        for image in published()
    }
    return {ref: identity for ref, identity in wanted.items() if known.get(ref) != identity}


def _pushed() -> dict[str, str]:
    try:
        return json.loads((storage() / "pushed.json").read_text())
    except (OSError, ValueError):
        return {}


def push(version: str, report) -> int:
    """Put what changed into the storage; return the number of images pushed."""
    todo = outdated(version)
    if not todo:
        return 0
    storage().mkdir(parents=True, exist_ok=True)
    folder = config.state() / "registry-push"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yml").write_text(settings(PUSH_ADDRESS, secure=False))
    _start(PUSHER, folder, version)
    try:
        until(lambda: answers(f"http://{PUSH_ADDRESS}/v2/"), "the registry answers", 20)
        for image in published():
            if image.ref in todo:
                _push_one(image.ref, todo[image.ref])
                report(image.ref)
    finally:
        run("docker", "rm", "-f", PUSHER, check=False)
    return len(todo)


def _push_one(ref: str, identity: str) -> None:
    target = f"{PUSH_ADDRESS}/{ref}"
    run("docker", "tag", identity, target)
    try:
        run("docker", "push", target, log="registry.log", timeout_s=900)
    finally:
        run("docker", "rmi", target, check=False)
    (storage() / "pushed.json").write_text(json.dumps(_pushed() | {ref: identity}, indent=1))


def start(version: str) -> None:
    """Start the registry on the lab's network, with TLS and this lab's password."""
    folder = config.state() / "registry"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("registry.crt", "registry.key"):
        keys.write_private(folder / name, keys.read(name) + "\n")
    line = run(
        "docker",
        "run",
        "--rm",
        "-i",
        "--network",
        "none",
        "--entrypoint",
        "htpasswd",
        images.local_ref("registry", version),
        "-niB",
        config.REGISTRY_USER,
        stdin=keys.read("registry_password"),
    )
    keys.write_private(folder / "htpasswd", line.strip() + "\n")
    keys.write_private(folder / "config.yml", settings(config.REGISTRY, secure=True))
    _start(NAME, folder, version)
    until(lambda: answers(f"https://{config.REGISTRY}/v2/"), "the registry answers", 20)


def stop() -> None:
    """Remove the registry's containers; the storage stays for the next lab."""
    for name in (NAME, PUSHER):
        run("docker", "rm", "-f", name, check=False)
