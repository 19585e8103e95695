"""The seed of the nodes' image store, and the disks that share its layers."""

from __future__ import annotations

import pytest
from labkit import config, seed, shell


@pytest.mark.parametrize("name", ["", "../up", "a/b", "-x", "A", "a b"])
def test_disk_of_a_name_that_leads_elsewhere_is_refused(cache, name):
    with pytest.raises(shell.LabError, match="invalid VM name"):
        seed.create_disk(name)
    assert seed.main(["create"]) == 2


def test_disk_shares_the_seeds_layers_and_nothing_else(cache):
    store = config.seed_dir() / "abc"
    (store / "overlay2" / "layer").mkdir(parents=True)
    (store / "overlay2" / "layer" / "file").write_text("read-only")
    (store / "image").mkdir()
    (store / "image" / "repositories.json").write_text("{}")
    (store / "engine-id").write_text("the seed's")
    (store / "network" / "files").mkdir(parents=True)
    (store / "network" / "files" / "local-kv.db").write_text("the seed's")
    seed.current().symlink_to("abc")
    seed.create_disk("k8s-w1")
    docker = seed.disk("k8s-w1") / "docker"
    assert (docker / "overlay2/layer/file").stat().st_ino == (store / "overlay2/layer/file").stat().st_ino
    assert (docker / "image/repositories.json").stat().st_ino != (store / "image/repositories.json").stat().st_ino
    assert not (docker / "engine-id").exists()
    assert list((docker / "network" / "files").iterdir()) == []
    seed.remove_disk("k8s-w1")
    assert not seed.disk("k8s-w1").exists()
    assert (store / "overlay2/layer/file").read_text() == "read-only"
    seed.remove_disk("k8s-w1")
