"""Folders of manifests: on the file server and on the admin they mean the same; files with and without Jinja."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support import pillars
from tests.support.kubectl import check_thrice, check_unchanged
from tests.support.salt import Minion

SCRIPT = "for a in $list; do echo ${#a} {{ a }}; done # and #}"


def config_map(name: str, value: str = "1") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  a: {value!r}\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder of the file server with manifests on several levels, and one with scripts."""
    top = tmp_path_factory.mktemp("site")
    for name in ("web/one.yaml", "web/sub/two.yaml.jinja", "web/sub/deeper/three.json", "web/.hidden/four.yml"):
        path = top / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(config_map(f"folder-{path.name.partition('.')[0]}"))
    (top / "site" / "web" / "sub" / "deeper" / "three.json").write_text(
        '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "folder-three"}, "data": {"a": "\\u00e9"}}'
    )
    (top / "elsewhere").mkdir()
    (top / "elsewhere" / "five.yaml").write_text(config_map("folder-five"))
    (top / "site" / "web" / "link").symlink_to(top / "elsewhere")
    (top / "site" / "web-old").mkdir()
    (top / "site" / "web-old" / "six.yaml").write_text(config_map("folder-six"))
    (top / "site" / "scripts").mkdir()
    (top / "site" / "scripts" / "script.yaml").write_text(config_map("folder-script", SCRIPT))
    return top


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, site):
    """A minion with that folder on its file server, and a pillar that has the scripts as extra objects."""
    extra = [{"source": "salt://site/scripts", "jinja": False}, "salt://site/web"]
    pillar = {"k8s": pillars.merge(pillars.full(), {"extra": extra})}
    return Minion(tmp_path_factory.mktemp("minion"), file_roots=[site], pillar=pillar)


@pytest.fixture
def run(loaded, apiserver, monkeypatch):
    """Run ``kubectl.applied`` on the tests' cluster."""
    monkeypatch.setenv("PATH", str(Path(apiserver.kubectl_path).parent), prepend=os.pathsep)
    own = {"kubeconfig": str(apiserver.kubeconfig), "wait": False}
    return lambda name, **kw: loaded.state("kubectl.applied", name, **(own | kw))


def test_from_one_form_of_a_folder_to_the_other_nothing_is_pruned(apiserver, run, site):
    real = check_thrice(apiserver, lambda **kw: run("folder", source="salt://site/web", **kw))
    names = {f"ConfigMap default/folder-{name}" for name in ("one", "two", "three", "four", "five")}
    assert {key for key in real["changes"] if "folder-" in key} == names
    for source in (str(site / "site" / "web"), f"{site}/site/web/", "salt://site/web/"):
        check_unchanged(apiserver, lambda source=source, **kw: run("folder", source=source, **kw))


def test_a_script_is_refused_as_a_template_and_kept_as_it_is(apiserver, run):
    mark = apiserver.mark()
    for test in (True, False):
        answer = run("script", source="salt://site/scripts", test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert answer["comment"].startswith("script.yaml: line 5: Jinja takes what follows ${# for a comment")
    assert apiserver.requests(mark) == [] or not any(request.write for request in apiserver.requests(mark))
    check_thrice(apiserver, lambda **kw: run("script", source="salt://site/scripts", template=None, **kw))
    assert apiserver.get("configmap", "folder-script")["data"]["a"] == SCRIPT


def test_extra_objects_without_jinja(apiserver, run, loaded):
    (chunk,) = (chunk for chunk in loaded.low("k8s.extra") if chunk["state"] == "kubectl")
    assert chunk["template"] == {"salt://site/scripts": None, "salt://site/web": "jinja"}
    for name in ("folder", "script"):
        run(name, objects=[{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"empty-{name}"}}])
    settings = {key: chunk[key] for key in ("source", "source_hash", "template")}
    real = check_thrice(apiserver, lambda **kw: run(chunk["name"], **settings, **kw))
    assert {"ConfigMap default/folder-script", "ConfigMap default/folder-two"} <= set(real["changes"])
    assert apiserver.get("configmap", "folder-script")["data"]["a"] == SCRIPT
