"""An image's tag is a hash of everything that goes into it."""

from __future__ import annotations

from dataclasses import replace

from labkit import images, programs, recipes

GO = "go1.26.8"


def test_key_changes_with_everything_that_goes_in(monkeypatch):
    image = recipes.BY_NAME["flannel-cni"]
    key = images.key(image, GO)
    assert images.key(image, GO) == key
    assert images.key(image, "go1.27.0") != key
    assert images.key(replace(image, arguments={"A": "b"}), GO) != key
    newer = replace(programs.BY_NAME["cni-bridge"], module="github.com/containernetworking/plugins@v1.6.1")
    monkeypatch.setitem(programs.BY_NAME, "cni-bridge", newer)
    changed = images.key(image, GO)
    assert changed != key
    assert images.key(recipes.BY_NAME["flannel"], GO) != changed


def test_key_follows_the_base_image(monkeypatch):
    before = {name: images.key(recipes.BY_NAME[name], GO) for name in ("hyperkube", "node", "admin", "pause")}
    monkeypatch.setattr(images, "BASE_PACKAGES", "another")
    after = {name: images.key(recipes.BY_NAME[name], GO) for name in before}
    assert {name for name in before if before[name] != after[name]} == {"hyperkube", "node", "admin"}


def test_single_program_image_starts_it_as_its_user():
    text = images.dockerfile(recipes.BY_NAME["metrics-server"])
    assert text.splitlines()[0] == "FROM scratch"
    assert 'ENTRYPOINT ["/metrics-server"]' in text
    assert "USER 1000" in text
