"""The lab's images: stock names, and parts that exist."""

from __future__ import annotations

from labkit import config, images, programs, recipes, versions


def test_stock_names_are_unique_and_pinned():
    refs = [image.ref for image in recipes.published()]
    assert len(set(refs)) == len(refs) >= 18
    assert all(ref.count(":") == 1 and not ref.endswith(":latest") for ref in refs)
    assert {f"rancher/hyperkube:{versions.HYPERKUBE}", "metallb/speaker:v0.15.2"} <= set(refs)


def test_every_image_is_made_of_things_that_exist():
    seen = {"debian"}
    for image in recipes.IMAGES:
        assert image.name not in seen
        assert not image.base or image.base in seen, f"{image.name} is built before {image.base}"
        assert set(image.programs) <= set(programs.BY_NAME), image.name
        assert all((config.LAB / "tools" / name / "go.mod").exists() for name in image.own), image.name
        assert images.dockerfile(image).lstrip("#").strip(), image.name
        if not image.folder:
            assert len(image.programs) + len(image.own) == 1, f"{image.name} has no folder, so it is one program"
        seen.add(image.name)


def test_the_older_kubernetes_is_built_only_where_it_is_asked_for():
    assert not {image.name for image in recipes.OLDER} & {image.name for image in recipes.IMAGES}
    assert not any(program.tier == programs.OLDER for program in [*images.needed_programs(), *programs.PROGRAMS])
    for image in recipes.OLDER:
        assert set(image.programs) <= set(programs.BY_NAME)
        assert image.ref.partition(":")[0] == recipes.BY_NAME[image.name.removesuffix("-older")].ref.partition(":")[0]


def test_what_the_older_kubernetes_needs_stays_when_it_is_not_asked_for(monkeypatch):
    """Neither are its images removed by the next lab, nor is the nodes' image store another one."""
    built = {images.local_ref(image.name, "go") for image in [*recipes.IMAGES, *recipes.OLDER]}
    removed = []

    def run(*argv, **_):
        removed.extend(argv[-1:] if "rm" in argv else [])
        return "\n".join([*built, f"{images.NAMESPACE}/etcd-older:of-yesterday"])

    monkeypatch.setattr(images, "run", run)
    images.prune("go")
    assert removed == [f"{images.NAMESPACE}/etcd-older:of-yesterday"]
    alone = recipes.seeded()
    monkeypatch.setattr(recipes, "IMAGES", [*recipes.IMAGES, *recipes.OLDER])
    assert recipes.seeded() == alone and len(recipes.published()) == len(alone) + len(recipes.OLDER)
