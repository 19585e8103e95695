"""Where manifests come from."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.manifests import sources


def test_sources_come_in_order_and_missing_ones_are_named(tmp_path):
    for name in ("b.yaml", "a.yml.jinja", "c.txt"):
        (tmp_path / name).write_text(name)
    names = ["k8s/x/z.yaml", "k8s/x/sub/y.json", "k8s/x/me"]
    server = sources.FileServer(lambda address, wanted: "", lambda folder: names)
    assert [s.name for s in sources.read(str(tmp_path), server, None)] == ["a.yml.jinja", "b.yaml"]
    fetched = []
    served = server._replace(fetch=lambda address, wanted: fetched.append(address) or str(tmp_path / "b.yaml"))
    assert [s.text for s in sources.read("salt://k8s/x", served, str.upper)] == [str(tmp_path / "b.yaml").upper()] * 2
    assert fetched == ["salt://k8s/x/sub/y.json", "salt://k8s/x/z.yaml"]
    for address in (str(tmp_path / "no.yaml"), str(tmp_path / "no"), "salt://no.yaml"):
        with pytest.raises(errors.Invalid, match="no"):
            sources.read([address], server, None)
