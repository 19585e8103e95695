"""The node formulas, rendered and compiled for every system, and run in test mode: this machine is not changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from saltk8s.nodes.dockerd import Dockerd
from tests.support import nodes, pillars
from tests.support.salt import changed, failed

NODE_SLS = ["k8s.os", "k8s.docker", "k8s.os.clean", "k8s.docker.clean"]
HARMLESS = {"k8s_host.stopped", "k8s_host.left_alone", "test.fail_without_changes"}
OWN = {"k8s_gitops.role_remembered", "k8s_gitops.scheduled"}  # these write below saltk8s_root
BROKEN = {"cluster": {"nme": "x"}, "nodes": {"k8s-w1": {"roles": ["boss"]}}}


@pytest.fixture
def site(tmp_path):
    """A file root with what the example's pillar takes from the site's own tree."""
    (tmp_path / "roots" / "site").mkdir(parents=True)
    (tmp_path / "roots" / "site" / "docker.asc").write_text("a key\n")
    return tmp_path / "roots"


@pytest.fixture
def node(loaders, site, tmp_path):
    """Make a minion that is the node k8s-w1: of a system by its name, not in a container unless asked."""

    def make(system="debian12", over=None, container=False, minion_id="k8s-w1", **more):
        root = tmp_path / "empty"
        root.mkdir(exist_ok=True)
        grains = nodes.systems()[system] | (nodes.CONTAINER if container else nodes.MACHINE)
        more |= {"file_roots": [site], "saltk8s_root": str(root)}
        return loaders(minion_id, pillar={"k8s": nodes.tree(over)}, grains=grains, **more)

    return make


def applied(minion, test):
    """Apply ``k8s`` where it must change nothing; first assert that it has no state that could."""
    functions = {f"{chunk['state']}.{chunk['fun']}" for chunk in minion.low("k8s")}
    assert functions <= HARMLESS | OWN, functions
    return minion.apply("k8s", test=test)


@pytest.mark.parametrize("system", nodes.known())
def test_golden(node, system):
    minion = node(system)
    found = {sls: nodes.plain(minion.low(sls)) for sls in NODE_SLS}
    text = json.dumps(found, indent=1, sort_keys=False) + "\n"
    assert text == nodes.golden(f"{system}.json", text)


def test_golden_in_a_container(node):
    minion = node(container=True)
    found = {sls: nodes.plain(minion.low(sls)) for sls in NODE_SLS}
    text = json.dumps(found, indent=1, sort_keys=False) + "\n"
    assert text == nodes.golden("container.json", text)
    made = [chunk["state"] for chunk in found["k8s.os"]]
    assert "/etc/modules-load.d/saltk8s.conf" not in json.dumps(found["k8s.os"])
    assert "k8s_host.service.masked" not in made


def test_every_golden_file_has_its_system():
    assert {path.stem for path in nodes.GOLDEN.glob("*.json")} == {*nodes.known(), "container"}


@pytest.mark.parametrize("system", nodes.known(False))
def test_an_unknown_system_is_said_and_nothing_is_done(node, system):
    minion = node(system)
    for test in (True, False):
        states = applied(minion, test)
        assert list(failed(states)) == ["k8s-os-family"]
        assert set(states) == {"k8s-gitops-role", "k8s-gitops-jobs", "k8s-os-family"}
        assert nodes.systems()[system]["osfinger"] in states["k8s-os-family"]["comment"]
    for sls in NODE_SLS[2:]:
        assert minion.low(sls) == []


def test_a_package_that_the_system_does_not_have_is_said(node):
    states = node("rocky9", {"docker": {"package": "docker.io", "version": "27.5"}}).low("k8s.docker")
    assert [chunk["fun"] for chunk in states] == ["stopped"]
    assert "docker.io" in states[0]["why"] and "docker-ce" in states[0]["why"]


def test_what_the_pillar_adds(node):
    over = {
        "os": {
            "packages": ["nfs-common", "procps"],
            "sysctls": {"vm.max_map_count": 300000, "fs.inotify.max_user_instances": 16384},
            "kernel_modules": ["nfs", "vxlan"],
            "time": {"enabled": False},
            "hosts": False,
        },
        "cluster": {"ssh": {"user": "deploy", "from": ["10.20.0.5/32", "10.21.0.0/24"]}},
        "docker": {"repository": None},
    }
    low = {chunk["__id__"]: chunk for chunk in node(over=over).low("k8s.os")}
    assert low["k8s-os-packages"]["pkgs"].count("procps") == 1 and "nfs-common" in low["k8s-os-packages"]["pkgs"]
    settings = {"vm.max_map_count": "300000", "fs.inotify.max_user_instances": "16384"}
    assert settings.items() <= low["k8s-os-sysctls"]["values"].items()
    assert low["k8s-os-modules"]["modules"].count("vxlan") == 1 and "nfs" in low["k8s-os-modules"]["modules"]
    assert "k8s:os:time:enabled is false" in low["k8s-os-time"]["why"]
    assert low["k8s-os-hosts"]["fun"] == "block_absent"
    key = low["k8s-os-user-key"]["lines"][0]
    assert key.startswith('from="10.20.0.5/32,10.21.0.0/24",restrict,port-forwarding ssh-')
    assert low["k8s-os-user"]["name"] == "deploy" and "Match User deploy" in low["k8s-os-ssh-forwarding"]["contents"]


@pytest.mark.parametrize("system", ["debian12", "rocky9"])
def test_package_sources_and_salt_go_through_the_proxy(node, system):
    url = "http://proxy.osug.example:3128"
    over = {"proxy": {"http": url, "no_proxy": ["mirror.osug.example"]}}
    low = {chunk["__id__"]: chunk for chunk in node(system, over).low("k8s.os.proxy")}
    assert low["k8s-os-proxy-of-salt"]["dataset"]["proxy_host"] == "proxy.osug.example"
    of_packages = low["k8s-os-proxy-of-packages"]
    if system == "debian12":
        assert f'Acquire::http::Proxy "{url}";' in of_packages["contents"]
        assert 'Acquire::http::Proxy::mirror.osug.example "DIRECT";' in of_packages["contents"]
    else:
        assert of_packages["lines"] == [f"proxy={url}"]
    assert node(system, over).low("k8s.os")[0]["__id__"] == "k8s-os-proxy-of-salt"


def test_the_firewall_is_left_or_managed(node):
    low = {chunk["__id__"]: chunk["fun"] for chunk in node().low("k8s.os.firewall")}
    assert low == {"k8s-os-firewall": "left_alone"}
    low = {chunk["__id__"]: chunk for chunk in node(over={"os": {"firewall": "managed"}}).low("k8s.os.firewall")}
    assert low["k8s-os-firewall"]["fun"] == "firewall_loaded"
    text = low["k8s-os-firewall-ipv4"]["contents"]
    assert "-A SALTK8S-ETCD -s 10.20.0.11/32 -j RETURN" in text and "-A SALTK8S-ETCD -s 10.20.0.21" not in text
    assert low["k8s-os-firewall-at-boot"]["fun"] == "enabled"


def test_etcd_has_a_user_where_it_runs(node):
    over = {"cluster": {"etcd": {"uid": 52034}}}
    low = node(over=over, minion_id="k8s-cp1").low("k8s.os")
    made = {chunk["state"]: chunk for chunk in low if chunk["__id__"] == "k8s-os-etcd-user"}
    assert (made["group"]["gid"], made["user"]["uid"], made["user"]["gid"]) == (52034, 52034, 52034)
    assert not [chunk for chunk in node(over=over).low("k8s.os") if chunk["__id__"] == "k8s-os-etcd-user"]


def test_a_user_who_was_here_before_is_not_changed(node):
    low = {chunk["__id__"]: chunk for chunk in node(over={"cluster": {"ssh": {"user": "root"}}}).low("k8s.os")}
    assert low["k8s-os-user"]["fun"] == "left_alone"
    assert low["k8s-os-user-key"]["name"] == "/root/.ssh/authorized_keys"
    assert "addusers" not in low["k8s-os-docker-group"]
    clean = node(over={"cluster": {"ssh": {"user": "root"}}}).low("k8s.os.clean")
    assert "user" not in {chunk["state"] for chunk in clean}


@pytest.mark.parametrize("system", nodes.known())
def test_repository_files(node, system, tmp_path):
    """The template gives what apt and dnf read, with and without a key."""
    url = "https://mirror.site.example/docker"
    for repository in (
        {"url": url, "key": "salt://site/docker.asc"},
        {"url": url, "suite": "9x", "components": ["a", "b"]},
    ):
        minion = node(system, {"docker": {"repository": {"key": None, **repository}}})
        low = {chunk["__id__"]: chunk for chunk in minion.low("k8s.docker")}
        chunk, target = low["k8s-docker-repository"], tmp_path / "repository"
        keys = ("source", "template", "context")
        done = minion.state("file.managed", str(target), **{key: chunk[key] for key in keys})
        assert done["result"] is True, done
        text = target.read_text()
        assert repository["url"] in text
        assert (low["k8s-docker-repository-key"]["name"] in text) is ("key" in repository)
        if "suite" in repository:
            assert "Suites: 9x\nComponents: a b\n" in text or ("/9x/$basearch/a" in text and "/9x/$basearch/b" in text)
        elif nodes.systems()[system]["os_family"] == "Debian":
            assert f"Suites: {nodes.systems()[system]['oscodename']}\nComponents: stable\n" in text
        target.unlink()


def test_a_registrys_authority_comes_and_goes(node):
    authority = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    url = "registry.site.example:5000/k8s"
    place = "/etc/docker/certs.d/registry.site.example:5000/saltk8s.crt"
    for registry, fun in (({"url": url, "ca": authority}, "managed"), ({"url": url}, "absent")):
        low = {chunk["__id__"]: chunk for chunk in node(over={"registry": registry}).low("k8s.docker")}
        chunk = low["k8s-docker-registry-ca"]
        assert (chunk["fun"], chunk["name"], chunk.get("contents", authority)) == (fun, place, authority)


def test_a_workers_states_hold_no_secret(node):
    minion = node()
    assert minion.pillar["k8s"]["registry"]["username"] and "password" not in minion.pillar["k8s"]["registry"]
    text = json.dumps([minion.low(sls) for sls in NODE_SLS])
    assert [secret for secret in pillars.canaries() if secret in text] == []


def test_the_states_before_and_after_docker_is_installed_are_in_order(node):
    order = [chunk["__id__"] for chunk in sorted(node().low("k8s"), key=lambda chunk: chunk["order"])]
    wanted = ["k8s-os-packages", "k8s-os-modules", "k8s-os-sysctls", "k8s-os-user", "k8s-os-ssh-open"]
    wanted += ["k8s-docker-repository", "k8s-docker-first-daemon-json", "k8s-docker-packages", "k8s-docker-daemon-json"]
    wanted += ["k8s-docker-running"]
    assert [name for name in order if name in wanted] == wanted


def files_of(chunks: list[dict]) -> dict[str, tuple | None]:
    """Size and time of every file that these states could write, None for one that there is not."""
    paths = {str(chunk["name"]) for chunk in chunks if str(chunk["name"]).startswith("/")}
    found = {}
    for path in map(Path, sorted(paths | {"/etc/fstab", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/hostname"})):
        found[str(path)] = (path.stat().st_size, path.stat().st_mtime_ns) if path.exists() else None
    return found


@pytest.mark.parametrize("sls", ["k8s", *NODE_SLS])
def test_test_mode_on_this_machine_writes_nothing_and_fails_nowhere(loaders, site, sls):
    docker = Dockerd(Path).info() or {}  # what this machine's keeps must not be lost to it
    over = {"data_root": docker.get("DockerRootDir"), "cgroup_driver": docker.get("CgroupDriver")} if docker else {}
    minion = loaders("k8s-w1", pillar={"k8s": nodes.tree({"docker": over})}, file_roots=[site])
    if minion.opts["grains"]["os_family"] not in nodes.FAMILIES["families"]:
        pytest.skip("this machine's system is not one of a node's")
    chunks = minion.low(sls)
    before = files_of(chunks)
    states = minion.apply(sls, test=True)
    assert files_of(chunks) == before
    assert failed(states) == {}
    assert {state["result"] for state in states.values()} <= {True, None}


@pytest.mark.parametrize("module", ["k8s_config", "k8s_host"])
def test_a_minion_without_our_modules_is_told_what_to_do(loaders, module):
    minion = loaders("k8s-w1", pillar={"k8s": nodes.tree()}, disable_modules=[module])
    assert f"{module}.get" not in minion.modules
    for test in (True, False):
        states = applied(minion, test)
        assert list(failed(states)) == ["k8s"] == list(states)
        assert "salt 'k8s-w1' saltutil.sync_all" in states["k8s"]["name"]
    assert [chunk["fun"] for chunk in minion.low("k8s.sync")] == ["sync_all"]


def test_a_broken_pillar_is_one_error_with_all_that_is_wrong(node):
    minion = node(over=BROKEN)
    for test in (True, False):
        states = applied(minion, test)
        assert list(failed(states)) == ["k8s"] == list(states)
        comment = states["k8s"]["comment"]
        assert "k8s:cluster:nme" in comment and "k8s:nodes:k8s-w1:roles" in comment
        assert "Traceback" not in comment and "Jinja" not in comment


@pytest.mark.parametrize("pillar", [{}, {"k8s": None}, {"k8s": {}}, {"other": 1}])
def test_a_minion_without_pillar_is_left_alone(loaders, pillar):
    states = applied(loaders("stranger", pillar=pillar), False)
    assert (failed(states), changed(states), list(states)) == ({}, {}, ["k8s"])
    assert "its pillar has no `k8s`" in states["k8s"]["comment"]


def test_a_minion_that_the_pillar_does_not_name_is_left_alone(node):
    states = applied(node(minion_id="stranger"), False)
    assert (failed(states), changed(states), list(states)) == ({}, {}, ["k8s"])
    assert "the pillar does not name stranger" in states["k8s"]["comment"]
