"""Grafana's dashboards, made from tables."""

from __future__ import annotations

import json

from saltk8s.services.prometheus import dashboards


def test_a_dashboard_is_grafanas():
    table = {
        "title": "T",
        "choose": "node",
        "from": "up",
        "panels": {
            "A": {"unit": "s", "show": {"{{node}}": 'up{node=~"$choice"}'}},
            "B": {"unit": "s", "show": {"x": "1", "y": "2"}},
            "C": {"unit": "s", "show": {"x": "3"}},
        },
    }
    made = json.loads(dashboards.text("t", table))
    assert [panel["title"] for panel in made["panels"]] == ["A", "B", "C"]
    assert len({panel["id"] for panel in made["panels"]}) == 3
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in made["panels"]]
    assert places == [(0, 0), (12, 0), (0, 8)]
    assert [target["refId"] for target in made["panels"][1]["targets"]] == ["Q0", "Q1"]
    assert made["templating"]["list"][0]["query"]["query"] == "label_values(up, node)"
    assert json.loads(dashboards.text("t", {"title": "T", "panels": {}}))["templating"] == {"list": []}
