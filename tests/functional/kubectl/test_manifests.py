"""Manifests from Salt's file server: rendered, and errors of the templates."""

from __future__ import annotations

import pytest
from tests.support import kubectl as objects
from tests.support.salt import Minion


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A minion with a file root of the tests' own besides the repository's."""
    root = tmp_path_factory.mktemp("minion")
    site = root / "site" / "site" / "web"
    site.mkdir(parents=True)
    (site / "a.yaml.jinja").write_text(
        "{% for name in names %}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ name }}}\n{% endfor %}\n"
    )
    (site / "b.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: last}\n")
    (site.parent / "plain.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {a: '{{ not.jinja }}'}\n"
    )
    broken = root / "site" / "site" / "broken"
    broken.mkdir()
    (broken / "undefined.yaml").write_text("kind: {{ nowhere.to.be.found }}\n")
    (broken / "syntax.yaml").write_text("kind: {% if %}\n")
    return Minion(root, file_roots=[root / "site"])


def test_manifests_from_the_file_server(minion, run):
    found = minion.call(
        "kubectl.render_manifests",
        "salt://site/web",
        template_context={"names": ["one", "two"]},
        objects=[objects.config_map("three")],
    )
    assert [obj["metadata"]["name"] for obj in found[:2]] == ["one", "two"]
    assert found[3]["metadata"]["name"] == "three"
    plain = minion.call("kubectl.render_manifests", "salt://site/plain.yaml", template=None)
    assert plain[0]["data"] == {"a": "{{ not.jinja }}"}
    addresses = ["salt://site/web/a.yaml.jinja"]
    answer = run("applied", "files", source=addresses, context={"names": ["from-a-file"]}, test=True)
    assert answer["result"] is None and "ConfigMap default/from-a-file" in answer["changes"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("salt://site/broken/undefined.yaml", "undefined.yaml: cannot be rendered"),
        ("salt://site/broken/syntax.yaml", "syntax.yaml: cannot be rendered"),
        ("salt://site/nowhere", "salt://site/nowhere: no manifests in it"),
        ("salt://site/nowhere.yaml", "salt://site/nowhere.yaml: no such file"),
    ],
)
def test_sources_that_cannot_be_read(run, source, text):
    for test in (True, False):
        answer = run("applied", "broken", source=source, test=test)
        assert answer["result"] is False and text in answer["comment"], answer["comment"]
        assert "Traceback" not in answer["comment"]
