"""Machines that leave: what a run's record has of them, and what it keeps of an earlier run's."""

from __future__ import annotations

from saltk8s.engine.plan import Plan
from saltk8s.engine.rke.running import leavers

CONFIG = {"nodes": [{"hostname_override": "w1", "address": "10.0.0.1"}]}


def test_they_are_kept_until_a_run_is_done():
    plan = Plan(removed={"w2": ["worker"], "w3": ["worker"]}, leaving=["w2"], moved={"w1": {"old": "10.0.0.9"}})
    addresses = {"w2": "10.0.0.2", "w3": "10.0.0.3"}
    found = leavers.of(plan, addresses, CONFIG, {})
    assert found == {"leaving": ["10.0.0.2", "10.0.0.3", "10.0.0.9"], "drained": {"w2": "10.0.0.2"}}
    assert leavers.of(Plan(), {}, CONFIG, found) == found
    assert leavers.of(plan, addresses, CONFIG, found) == found


def test_what_has_their_name_or_address_now_is_none_of_them():
    old = {"leaving": ["10.0.0.1", "10.0.0.2"], "drained": {"w1": "10.0.0.2", "w9": "10.0.0.1", "w2": "10.0.0.2"}}
    kept = {"leaving": ["10.0.0.2"], "drained": {"w2": "10.0.0.2"}}
    assert leavers.of(Plan(), {}, CONFIG, old) == kept
