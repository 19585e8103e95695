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
