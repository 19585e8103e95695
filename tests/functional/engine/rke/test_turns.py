"""Between the nodes of a run the cluster's health is asked; rke stands still meanwhile, and ends where it is ill."""

from __future__ import annotations

import json

import pytest
from saltk8s.base import errors, processes
from tests.support import fake_rke

CHANGE = {"extra_args": {"kubelet": {"max-pods": "200"}}}


def test_a_healthy_cluster_lets_it_go_on(site):
    site.engine().up()
    site.mode("turn")
    assert site.engine(**CHANGE).up().ran
    assert json.loads((site.dir / "last-run.json").read_text())["status"] == "done"
    site.mode("ok")
    assert site.engine(**CHANGE).up().changes == {}


def test_it_ends_where_the_cluster_is_ill_and_goes_on_there(site):
    site.engine().up()
    words = "ended before w2, because the cluster is not healthy.*node w1 is not Ready"
    for _ in range(2):  # the second goes on with what the first began, behind the same gate
        site.healthy()
        site.mode("ill")
        with pytest.raises(errors.CommandError, match=words):
            site.engine(**CHANGE, timeouts={"ready_s": 1}).up()
        record = json.loads((site.dir / "last-run.json").read_text())
        assert (record["status"], record["gated"]) == ("failed", True)
        assert not processes.started_in("rke", site.dir)
    site.mode("ok")
    site.healthy()
    assert "did not finish" in str(site.engine(**CHANGE).up(test=True).changes["reasons"])
    assert site.engine(**CHANGE).up().ran
    assert site.engine(**CHANGE).up().changes == {}
    assert len(fake_rke.ups(site.fake)) == 4


def test_a_repair_is_not_ended(site):
    site.engine().up()
    site.mode("turn")
    (site.fake / "calls").unlink()
    site.nodes.container(2, "kube-proxy", "Exited (1) 2 minutes ago")
    record = site.dir / "last-run.json"
    site.mode("fail")
    with pytest.raises(errors.CommandError):
        site.engine(**CHANGE).up(repair=True)
    assert json.loads(record.read_text())["gated"] is False
