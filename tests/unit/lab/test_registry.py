"""The registry's configuration."""

from __future__ import annotations

import json

from labkit import config, registry


def test_registry_wants_tls_and_a_password_from_the_nodes_only():
    secure = json.loads(registry.settings(config.REGISTRY, secure=True))
    assert secure["http"]["addr"] == "172.31.50.1:5000"
    assert "tls" in secure["http"]
    assert "htpasswd" in secure["auth"]
    pushing = json.loads(registry.settings(registry.PUSH_ADDRESS, secure=False))
    assert pushing["http"] == {"addr": registry.PUSH_ADDRESS}
    assert registry.PUSH_ADDRESS.startswith("127.")
    assert "auth" not in pushing
