"""Where manifests come from."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.manifests import sources

FILES = ["b.yaml", "a.yml.jinja", "sub/c.json", "sub/deeper/d.yaml", ".hidden.yaml", ".dir/e.yaml", "no.txt", "no"]
ORDER = [".dir/e.yaml", ".hidden.yaml", "a.yml.jinja", "b.yaml", "sub/c.json", "sub/deeper/d.yaml"]
NO_SERVER = sources.FileServer(lambda address, wanted: "", lambda folder: [])


def server_of(top):
    """A file server as Salt's is: it lists whatever begins with the text of the folder, without its slash."""

    def names(folder):
        found = [Path(place) / name for place, _, files in os.walk(top, followlinks=True) for name in files]
        relative = [str(path.relative_to(top)) for path in found]
        return [name for name in reversed(relative) if name.startswith(folder.strip("/"))]

    return sources.FileServer(lambda address, wanted: str(top / address.removeprefix("salt://")), names)


@pytest.fixture
def folder(tmp_path):
    """A folder with manifests on several levels, beside one whose name only begins the same."""
    for name in [f"site/{name}" for name in FILES] + ["site-old/x.yaml"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "site"


def read(source, server=NO_SERVER, **kwargs):
    """Read sources without a template."""
    return sources.read(source, server, iter, **({"template": None} | kwargs))


@pytest.mark.parametrize("end", ["", "/"])
def test_a_folder_means_the_same_on_the_file_server_and_on_this_machine(folder, end):
    here = read(f"{folder}{end}")
    there = read(f"salt://site{end}", server_of(folder.parent))
    assert [one.name for one in here] == ORDER
    assert there == here


def test_symbolic_links_are_followed_and_circles_are_not(folder):
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "z.yaml").write_text("z")
    (folder / "link").symlink_to(outside)
    (folder / "link.yaml").symlink_to(outside / "z.yaml")
    here, there = read(str(folder)), read("salt://site", server_of(folder.parent))
    assert here == there and {"link/z.yaml", "link.yaml"} <= {one.name for one in here}
    (folder / "sub" / "circle").symlink_to(folder)
    assert read(str(folder)) == here


def test_a_link_to_nothing_is_an_error_and_not_left_out(folder):
    (folder / "gone.yaml").symlink_to(folder / "nowhere.yaml")
    for source, server in ((str(folder), NO_SERVER), ("salt://site", server_of(folder.parent))):
        with pytest.raises(errors.Invalid, match=r"site/gone\.yaml: no such file"):
            read(source, server)


def test_missing_ones_are_named(tmp_path):
    for address in (str(tmp_path / "no.yaml"), str(tmp_path / "no"), "salt://no.yaml", "salt://no"):
        with pytest.raises(errors.Invalid, match="no"):
            read([address])


def test_each_source_can_be_a_template_or_not(folder):
    addresses = [f"{folder}/b.yaml", f"{folder}/sub"]
    texts = sources.read(
        addresses, NO_SERVER, lambda texts: iter(["rendered"] * len(texts)), template={addresses[0]: None}
    )
    assert [one.text for one in texts] == ["site/b.yaml", "rendered", "rendered"]


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("mako", "template: got 'mako'; expected jinja or None"),
        ({"/elsewhere": None}, "template: /elsewhere is not among the sources"),
    ],
)
def test_a_template_that_is_none_is_refused(folder, template, problem):
    with pytest.raises(errors.Invalid, match=problem):
        read(f"{folder}/b.yaml", template=template)


@pytest.mark.parametrize(
    "text",
    [
        "echo ${#name} # and #}",
        "echo ${#name}",
        "{# a comment #} $ ${#name[@]} #}",
        "{% raw %}${#a}{% endraw %} ${#b} #}",
    ],
)
def test_what_jinja_would_cut_out_is_refused(tmp_path, text):
    path = tmp_path / "script.yaml"
    path.write_text(f"a: 1\nb: {text}\n")
    with pytest.raises(errors.Invalid) as raised:
        read(str(path), template="jinja")
    problem = "script.yaml: line 2: Jinja takes what follows ${# for a comment and cuts it out"
    assert str(raised.value).startswith(problem)
    assert read(str(path))[0].text == f"a: 1\nb: {text}\n"


@pytest.mark.parametrize("text", ["{% raw %}${#a}{% endraw %}", "{# ${#a} #}", "{{ '${#a}' }}", "$ {# a #}", "${a#b}"])
def test_what_jinja_keeps_is_rendered(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    assert read(str(tmp_path / "a.yaml"), template="jinja")


def test_texts_are_utf_8_or_say_what_they_are(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(codecs.BOM_UTF16_LE + "a: é\n".encode("utf-16-le"))
    assert read(str(path))[0].text == "a: é\n"
    path.write_bytes(b"a: 1\nb: \xe9\n")
    for template in (None, "jinja"):
        with pytest.raises(errors.Invalid) as raised:
            read(str(path), template=template)
        assert str(raised.value) == "a.yaml: invalid text at line 2: it is not UTF-8"
