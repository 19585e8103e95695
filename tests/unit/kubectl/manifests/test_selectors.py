"""Label selectors as text, and evaluated."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.manifests import selectors

EXPRESSIONS = [
    ({"key": "a", "operator": "In", "values": ["1", "2"]}, "a in (1,2)", {"1", "2"}),
    ({"key": "a", "operator": "NotIn", "values": ["1"]}, "a notin (1)", {"2", None}),
    ({"key": "a", "operator": "Exists"}, "a", {"1", "2"}),
    ({"key": "a", "operator": "DoesNotExist"}, "!a", {None}),
]


@pytest.mark.parametrize(("expression", "text", "fits"), EXPRESSIONS)
def test_a_selector_as_text_and_evaluated(expression, text, fits):
    selector = {"matchExpressions": [expression]}
    assert selectors.text(selector) == text
    for value in ("1", "2", None):
        labels = {"a": value} if value else {"b": "x"}
        assert selectors.selects(selector, labels) is (value in fits)


def test_an_empty_selector_means_all_and_none_means_none():
    assert selectors.selects({}, {"a": "1"}) and selectors.selects({}, None)
    assert not selectors.selects(None, {"a": "1"})
    assert selectors.text({"matchLabels": {"b": "2", "a": "1"}}) == "a=1,b=2"
    assert selectors.text({}) is None and selectors.text(None) is None
