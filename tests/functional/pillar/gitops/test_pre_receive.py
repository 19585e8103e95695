"""The hook of the pillar's repository: what is not valid is refused before anybody gets it, by a real git server."""

from __future__ import annotations

import pytest
import yaml
from support import gitserver, packaging
from tests.support import pillars

ADMIN = pillars.full()["cluster"]["admin"]


def k8s(full: bool = False, **over) -> dict:
    return {"k8s": pillars.merge(pillars.full() if full else pillars.public(), over)}


@pytest.fixture
def pillar(tmp_path):
    """The repository of a pillar that is valid, below a folder of it, with the hook."""
    work = tmp_path / "work"
    (work / "salt").mkdir(parents=True)
    (work / "salt" / "top.sls").write_text(f"base:\n  '*': [k8s]\n  {ADMIN}: [secrets]\n")
    for name, content in {"k8s": k8s(), "secrets": k8s(full=True)}.items():
        (work / "salt" / f"{name}.sls").write_text("#!yaml\n" + yaml.safe_dump(content, sort_keys=False))
    with gitserver.served(tmp_path) as url:
        found = gitserver.Repository(tmp_path, "pillar", url, work)
        found.guard()
        packaging.git("config", "saltk8s.pillar", "salt", cwd=found.bare)
        yield found


def head(pillar) -> str:
    return packaging.git("rev-parse", "main", cwd=pillar.bare)


def test_what_is_not_valid_is_refused_and_what_is_gets_in(pillar):
    before = head(pillar)
    pillar.write("salt/k8s.sls", k8s(cluster={"nme": "x"}))
    packaging.commit(pillar.work, "A bad edit")
    with pytest.raises(AssertionError, match=r"remote: .*k8s:cluster:nme") as refused:
        pillar.push()
    assert "nothing was taken" in str(refused.value) and head(pillar) == before
    packaging.git("push", "-q", "origin", "main:draft", cwd=pillar.work)  # the master reads main alone
    pillar.write("salt/k8s.sls", k8s(os={"packages": ["htop"]}))
    packaging.commit(pillar.work, "A better one")
    pillar.push()
    assert head(pillar) != before
    with pytest.raises(AssertionError, match="is what the master reads, and cannot be deleted: nothing was taken"):
        packaging.git("push", "-q", "origin", ":main", cwd=pillar.work)


def test_a_check_that_cannot_run_refuses(pillar):
    before = head(pillar)
    packaging.git("config", "saltk8s.check", "no-such-program", cwd=pillar.bare)
    pillar.write("README", "x")
    packaging.commit(pillar.work, "An edit")
    with pytest.raises(AssertionError, match="or could not be checked: nothing was taken"):
        pillar.push()
    assert head(pillar) == before
