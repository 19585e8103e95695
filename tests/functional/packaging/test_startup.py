"""A minion of a template that syncs the pack when it starts."""

from __future__ import annotations

import time


def test_a_new_minion_may_sync_by_itself(salt_master, salt_cli):
    """As docs/install.md has it for a template: no operator, no reactor."""
    start = {"startup_states": "sls", "sls_list": ["k8s.sync"], **dict.fromkeys(["enable_fqdns_grains"], False)}
    with salt_master.salt_minion_daemon("k8s-startup", overrides=start).started():
        end = time.monotonic() + 180
        functions: list[str] = []
        while not functions and time.monotonic() < end:
            functions = salt_cli.run("sys.list_functions", "k8s_config", minion_tgt="k8s-startup").data or []
        assert "k8s_config.get" in functions
