"""Build the lab's images, each under a tag that is a hash of everything that goes into it."""

from __future__ import annotations

import hashlib
import json
import pathlib
import shutil
import tempfile
from dataclasses import asdict

from labkit import config, debian, gobuild, owngo, programs, wheels
from labkit.recipes import BY_NAME, IMAGES, OLDER, Image
from labkit.shell import LabError, run, succeeds

NAMESPACE = "saltk8s-lab"
LABEL = "io.saltk8s.lab"  # marks every image of the lab, so that old ones can be found
BASE_PACKAGES = "ca-certificates,iproute2,iptables,procps"


def base_ref() -> str:
    """Tag of the Debian base image: it changes with the release and the packages, not with every mirror update."""
    text = f"{config.DEBIAN} {BASE_PACKAGES}"
    return f"{NAMESPACE}/debian:{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def exists(ref: str) -> bool:
    """Whether the Docker of this machine has an image."""
    return succeeds("docker", "image", "inspect", ref)


def build_base() -> bool:
    """Build the Debian base image with debootstrap unless Docker has it; return whether it was built."""
    if exists(base_ref()):
        return False
    with tempfile.TemporaryDirectory(dir=config.store()) as folder:
        root = pathlib.Path(folder) / "root"
        run(
            "debootstrap",
            "--variant=minbase",
            f"--include={BASE_PACKAGES}",
            config.DEBIAN,
            root,
            debian.mirror(),
            log="images.log",
            timeout_s=1200,
        )
        for package in (root / "var/cache/apt/archives").glob("*.deb"):
            package.unlink()
        archive = pathlib.Path(folder) / "root.tar"
        run("tar", "-C", root, "-cf", archive, ".", timeout_s=600)
        run("docker", "import", "--change", f"LABEL {LABEL}=debian", archive, base_ref(), timeout_s=600)
    return True


def dockerfile(image: Image) -> str:
    """The Dockerfile of an image: its folder's, or one for a single program."""
    if image.folder:
        return (config.LAB / "images" / image.folder / "Dockerfile").read_text()
    return f'FROM scratch\nCOPY bin/ {image.place}\nUSER {image.user}\nENTRYPOINT ["{image.place}{image.single}"]\n'


def _program_paths(image: Image, version: str) -> dict[str, pathlib.Path]:
    """Name in the image -> where the program is (or will be) in the cache."""
    paths = {target: gobuild.path_of(programs.BY_NAME[source], version) for source, target in image.programs.items()}
    for name in image.own:
        folder = config.LAB / "tools" / name
        paths[name] = gobuild.cache_dir() / "bin" / owngo.key(folder, version) / name
    return paths


def _files(image: Image) -> list[pathlib.Path]:
    folder = config.LAB / "images" / image.folder
    return sorted(p for p in folder.rglob("*") if p.is_file()) if image.folder else []


def key(image: Image, version: str) -> str:
    """Hash of the recipe, of our files, of the programs (by their own keys), of the wheels and of the base image."""
    recipe = {name: value for name, value in asdict(image).items() if name != "place"}  # it is in the Dockerfile
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode())
    digest.update(dockerfile(image).encode())
    for path in _files(image):
        digest.update(f"\n{path.name} {path.stat().st_mode & 0o111}\n".encode() + path.read_bytes())
    for name, path in sorted(_program_paths(image, version).items()):
        digest.update(f"\n{name} {path.parent.name}".encode())
    if image.wheels:
        digest.update(wheels.key().encode())
    if image.base:
        digest.update(local_ref(image.base, version).encode())
    return digest.hexdigest()[:12]


def local_ref(name: str, version: str) -> str:
    """The tag under which this machine's Docker holds an image."""
    return base_ref() if name == "debian" else f"{NAMESPACE}/{name}:{key(BY_NAME[name], version)}"


def build(image: Image, version: str) -> bool:
    """Build an image unless Docker has it; return whether it was built. Its programs must be built."""
    ref = local_ref(image.name, version)
    if exists(ref):
        return False
    with tempfile.TemporaryDirectory(dir=config.store()) as folder:
        context = pathlib.Path(folder)
        _fill(context, image, version)
        arguments = {"BASE": local_ref(image.base, version)} if image.base else {}
        argv = ["docker", "build", "--rm", "--force-rm", "--label", f"{LABEL}={image.name}", "-t", ref]
        for name, value in (arguments | image.arguments).items():
            argv += ["--build-arg", f"{name}={value}"]
        run(*argv, context, log="images.log", timeout_s=1200)
    return True


def _fill(context: pathlib.Path, image: Image, version: str) -> None:
    if image.folder:
        shutil.copytree(config.LAB / "images" / image.folder, context, dirs_exist_ok=True)
    (context / "Dockerfile").write_text(dockerfile(image))
    for name, path in _program_paths(image, version).items():
        (context / "bin").mkdir(exist_ok=True)
        if not path.exists():
            raise LabError(f"image {image.name}: program {name} not found in the cache: run `make programs`")
        shutil.copyfile(path, context / "bin" / name)
        (context / "bin" / name).chmod(0o755)
    if image.wheels:
        shutil.copytree(wheels.folder(), context / "wheels")


def needed_programs() -> list[programs.Program]:
    """The Go programs that the images are made of, and the two that the admin runs."""
    names = {name for image in IMAGES for name in image.programs} | {"rke", "kubectl"}
    return [program for program in programs.BY_NAME.values() if program.name in names]


def build_all(version: str, report) -> int:
    """Build what is missing, in order; ``report`` is called with the name of each image built. Returns how many."""
    built = 0
    for image in IMAGES:
        if image.wheels and not wheels.folder().exists():
            wheels.build(local_ref("wheels", version))
        if build(image, version):
            report(image.name)
            built += 1
    return built


def prune(version: str) -> None:
    """Remove images of the lab that no recipe builds any more; those that containers use stay."""
    wanted = {local_ref(image.name, version) for image in [*IMAGES, *OLDER]} | {base_ref()}
    listed = run("docker", "image", "ls", "--filter", f"label={LABEL}", "--format", "{{.Repository}}:{{.Tag}}")
    for ref in listed.split():
        if ref.startswith(f"{NAMESPACE}/") and ref not in wanted:
            run("docker", "image", "rm", ref, check=False)
