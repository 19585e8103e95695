"""The lab's own program, where it decides something: keys of images, checks of the machine, reading Salt's answers."""

from __future__ import annotations

import io
import json
import os
import pathlib
import subprocess
import sys
from dataclasses import replace

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "lab"))

from labkit import (  # noqa: E402
    config,
    gobuild,
    images,
    machines,
    mainjob,
    preflight,
    programs,
    recipes,
    registry,
    seed,
    shell,
    steps,
    wheels,
)

GO = "go1.26.8"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("SALTK8S_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(config, "ROOT", tmp_path)
    return tmp_path / "cache"


def test_stock_names_are_unique_and_pinned():
    refs = [image.ref for image in recipes.published()]
    assert len(set(refs)) == len(refs) >= 18
    assert all(ref.count(":") == 1 and not ref.endswith(":latest") for ref in refs)
    assert {f"rancher/hyperkube:{config.KUBERNETES_IMAGES.removesuffix('-1')}", "metallb/speaker:v0.15.2"} <= set(refs)


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


def test_kubernetes_of_the_images_is_the_one_that_is_built():
    assert config.KUBERNETES_IMAGES.startswith(f"v{programs.KUBERNETES}-")
    assert recipes.BY_NAME["hyperkube"].ref.startswith(f"rancher/hyperkube:v{programs.KUBERNETES}-")


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


def test_a_replacement_takes_the_place_of_the_module_s_own(tmp_path):
    (tmp_path / "go.mod").write_text(
        "module m\n\nreplace a.b/c => d.e/f v1.0.0\n\nreplace (\n\ta.b/cd => g/h v2.0.0\n\ta.b/c v1.1.0 => ../c\n)\n"
    )
    (tmp_path / "work").mkdir()
    program = programs.Program("p", "m@v1.0.0", replace={"a.b/c": "a.b/c@v1.2.3"})
    text = gobuild._modfile(program, tmp_path, tmp_path / "work").read_text()
    assert "d.e/f" not in text and "../c" not in text and "a.b/cd => g/h v2.0.0" in text
    assert text.endswith("replace a.b/c => a.b/c v1.2.3\n")
    plain = replace(program, replace={})
    assert gobuild.key(plain, GO) != gobuild.key(program, GO)


def test_single_program_image_starts_it_as_its_user():
    text = images.dockerfile(recipes.BY_NAME["metrics-server"])
    assert text.splitlines()[0] == "FROM scratch"
    assert 'ENTRYPOINT ["/metrics-server"]' in text
    assert "USER 1000" in text


def test_wheels_are_pinned():
    text = wheels.requirements(wheels.MINION + wheels.MASTER)
    assert [line.split("==")[0] for line in text.splitlines()] == [*wheels.MINION, *wheels.MASTER]
    assert "salt==3008.3" in text.splitlines()
    assert wheels.pinned("A==1  # why\n# all\n\nb.c==2.0\n") == {"a": "1", "b.c": "2.0"}


@pytest.mark.parametrize(
    ("text", "release"),
    [("go version go1.26.3 linux/amd64", (1, 26)), ("go1.9", (1, 9)), ("command not found", (0, 0)), ("", (0, 0))],
)
def test_go_release(text, release):
    assert preflight.go_release(text) == release
    assert (preflight.go_release(text) >= preflight.GO) == (release == (1, 26))


def test_what_is_built_already_takes_no_more_disk(cache):
    assert preflight.disk_wanted() == preflight.DISK_COLD_GIB
    program = cache / "bin" / "0123456789ab" / programs.PROGRAMS[-1].name
    program.parent.mkdir(parents=True)
    program.touch()
    assert preflight.disk_wanted() == preflight.DISK_BUILT_GIB
    (config.store() / "seed").mkdir(parents=True)
    assert preflight.disk_wanted() == preflight.DISK_WARM_GIB


def test_preflight_says_first_what_cannot_be_had(monkeypatch):
    monkeypatch.setattr(preflight, "hopeless", lambda: ["root", "30 GiB of free disk at /"])
    monkeypatch.setattr(preflight, "installable", dict)
    said: list[str] = []
    with pytest.raises(shell.LabError, match="lacks root; 30 GiB"):
        preflight.check(said.append)
    assert said == []


def test_preflight_installs_only_what_is_missing(monkeypatch):
    missing = [{"docker": "docker.io"}, {}]
    installed: list[dict] = []
    monkeypatch.setattr(preflight, "hopeless", list)
    monkeypatch.setattr(preflight, "installable", lambda: missing.pop(0))
    monkeypatch.setattr(preflight, "install", installed.append)
    monkeypatch.setattr(preflight.shutil, "which", lambda program: f"/usr/bin/{program}")
    said: list[str] = []
    preflight.check(said.append)
    assert installed == [{"docker": "docker.io"}]
    assert said == ["missing here, installed from Debian now: docker"]


def test_preflight_gives_up_when_installing_did_not_help(monkeypatch):
    monkeypatch.setattr(preflight, "hopeless", list)
    monkeypatch.setattr(preflight, "installable", lambda: {"go >= 1.26": "golang"})
    monkeypatch.setattr(preflight, "install", lambda missing: None)
    monkeypatch.setattr(preflight.shutil, "which", lambda program: f"/usr/bin/{program}")
    with pytest.raises(shell.LabError, match="go >= 1.26"):
        preflight.check(lambda line: None)


def test_node_arguments_keep_their_quoting(cache):
    import shlex

    arguments = shlex.split(machines.node_arguments(GO))
    assert "a *:* rwm" in arguments
    assert f"{cache}/lab-run/nodes/{{name}}/docker:/var/lib/docker" in arguments
    assert "--privileged" not in arguments
    assert not [part for part in arguments if "/sys/fs/cgroup" in part]
    assert arguments[-1].startswith("saltk8s-lab/node:")


def test_registry_wants_tls_and_a_password_from_the_nodes_only():
    secure = json.loads(registry.settings(config.REGISTRY, secure=True))
    assert secure["http"]["addr"] == "172.31.50.1:5000"
    assert "tls" in secure["http"]
    assert "htpasswd" in secure["auth"]
    pushing = json.loads(registry.settings(registry.PUSH_ADDRESS, secure=False))
    assert pushing["http"] == {"addr": registry.PUSH_ADDRESS}
    assert registry.PUSH_ADDRESS.startswith("127.")
    assert "auth" not in pushing


@pytest.mark.parametrize("name", ["", "../up", "a/b", "-x", "A", "a b"])
def test_disk_of_a_name_that_leads_elsewhere_is_refused(cache, name):
    with pytest.raises(shell.LabError, match="not a VM's name"):
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


def test_problems_of_a_state_run():
    good = {"a": {"result": True, "__id__": "a", "__run_num__": 0}}
    bad = {
        "b": {"result": False, "__id__": "second", "comment": "no", "__run_num__": 1},
        "a": {"result": False, "__id__": "first", "comment": "why", "__run_num__": 0},
        "c": {"result": None, "__id__": "c", "comment": "would", "__run_num__": 2},
    }
    answers = {"m1": good, "m2": bad, "m3": ["No matching sls found"], "m4": False}
    assert mainjob.problems(answers) == [
        "m2: first: why",
        "m2: second: no",
        "m3: ['No matching sls found']",
        "m4: False",
    ]
    assert mainjob.problems({"m1": good}) == []


def test_stages_are_the_slowest_minions():
    answers = {
        "m1": {"a": {"__sls__": "k8s.docker", "duration": 1500.0}, "b": {"__sls__": "k8s.docker", "duration": 500}},
        "m2": {"a": {"__sls__": "k8s.docker", "duration": "1000 ms"}, "b": {"__sls__": "k8s.os", "duration": 250}},
        "m3": "no answer",
    }
    assert mainjob.stages(answers) == {"k8s.docker": 2.0, "k8s.os": 0.2}


def test_steps_print_a_line_each_and_keep_their_times(cache):
    out = io.StringIO()
    run = steps.Steps(out)
    with run.step("images") as note:
        note.append("all there")
    with pytest.raises(ValueError, match="boom"), run.step("machines"):
        raise ValueError("boom")
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("s  images: all there")
    assert lines[1].endswith("s  FAILED: machines")
    run.save("lab warm")
    run.save("lab cold")
    kept = json.loads((config.ROOT / "build" / "lab-times.json").read_text())
    assert kept.keys() == {"lab warm", "lab cold"}
    assert [(step["step"], step["failed"]) for step in kept["lab warm"]["steps"]] == [
        ("images", False),
        ("machines", True),
    ]


def test_background_process_is_known_by_more_than_its_id(cache):
    pid = shell.start_process("sleeper", "sleep", "60")
    try:
        assert shell.running("sleeper") == pid
        kept = shell.pid_file("sleeper").read_text()
        shell.pid_file("sleeper").write_text(f"{pid} 1\n")  # another process which was given the same id
        assert shell.running("sleeper") is None
        shell.pid_file("sleeper").write_text(kept)
        assert shell.stop_process("sleeper") is True
        assert shell.running("sleeper") is None
        assert shell.stop_process("sleeper") is False
    finally:
        subprocess.run(["kill", "-9", str(pid)], capture_output=True, check=False)


def test_failure_of_a_program_tells_its_whole_output():
    with pytest.raises(shell.LabError) as told:
        shell.run("sh", "-c", "echo one; echo two >&2; exit 3")
    assert "exit status 3" in str(told.value)
    assert "one" in str(told.value)
    assert "two" in str(told.value)
    with pytest.raises(shell.LabError, match="not found"):
        shell.run("no-such-program-here")


def test_until_gives_up_and_says_what_for():
    with pytest.raises(shell.LabError, match="the moon is full"):
        shell.until(lambda: False, "the moon is full", timeout_s=0, every_s=0)


def test_commands_of_the_lab_are_executable_and_pass_everything_on():
    folder = config.LAB / "bin"
    names = {path.name for path in folder.iterdir()}
    assert {"salt", "salt-cloud", "salt-run", "salt-call", "salt-key", "kubectl", "rke", "ssh"} <= names
    for path in folder.iterdir():
        assert os.access(path, os.X_OK), path
        assert '"$@"' in path.read_text(), path


def test_cache_is_where_the_environment_says(cache):
    assert gobuild.cache_dir() == cache
    assert config.state().parent == config.store().parent == cache
