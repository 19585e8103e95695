"""Grafana's dashboards, from tables: ``salt/k8s/prometheus/dashboards``, one file each. Pure.

A file has ``title``, optionally ``choose`` (a label whose value can be selected) with ``from`` (a series that has it),
and ``panels``: title -> ``unit`` (Grafana's name of one) and ``show``, legend -> query; ``$choice`` in a query is the
selected value.
"""

from __future__ import annotations

import json
from typing import Any

SOURCE = {"type": "prometheus", "uid": "prometheus"}
COLUMNS, WIDTH, HEIGHT = 2, 12, 8  # of Grafana's grid, which is 24 wide


def text(name: str, table: dict[str, Any]) -> str:
    """Return a dashboard's JSON. name: of its uid in Grafana; table: as in the file."""
    panels = [_panel(number, title, given) for number, (title, given) in enumerate(table["panels"].items())]
    choice = [_choice(table["choose"], table["from"])] if "choose" in table else []
    return json.dumps(
        {
            "uid": f"saltk8s-{name}",
            "title": table["title"],
            "schemaVersion": 39,
            "editable": False,
            "refresh": "1m",
            "time": {"from": "now-6h", "to": "now"},
            "templating": {"list": choice},
            "panels": panels,
        }
    )


def _panel(number: int, title: str, given: dict[str, Any]) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    targets = [
        {"refId": f"Q{index}", "datasource": SOURCE, "expr": query, "legendFormat": legend}
        for index, (legend, query) in enumerate(given["show"].items())
    ]
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "targets": targets,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": given["unit"], "min": 0}, "overrides": []},
    }


def _choice(label: str, series: str) -> dict[str, Any]:
    query = f"label_values({series}, {label})"
    return {
        "name": "choice",
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "refresh": 2,
        "sort": 1,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "definition": query,
        "query": {"query": query, "refId": "choice"},
    }
