"""What to wait for, as an argument of kubectl."""

from __future__ import annotations

from saltk8s.kubectl.operations import wait


def test_what_to_wait_for_as_kubectl_wants_it():
    assert wait.for_argument("Ready", None, False) == "condition=Ready"
    assert wait.for_argument(None, ".status.phase=Running", False) == "jsonpath={.status.phase}=Running"
    assert wait.for_argument(None, ".status.ingress", False) == "jsonpath={.status.ingress}"
    assert wait.for_argument(None, "{.a[?(@.b=='c')].d}=e", False) == "jsonpath={.a[?(@.b=='c')].d}=e"
    assert wait.for_argument(None, None, True) == "delete"
