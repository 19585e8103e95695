"""What all tests share: salt-factories kept on loopback, and Salt's deferred logging ended."""

from __future__ import annotations

import pytest
import salt._logging
from saltfactories.plugins.event_listener import EventListener

LOOPBACK = "127.0.0.1"


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    """salt-factories listens on every address by default; nothing of a test may be reachable from outside."""
    salt._logging.shutdown_temp_handler()  # else it writes to a closed stream when pytest ends
    log_server = config.pluginmanager.get_plugin("saltfactories-log-server")
    if log_server is not None:
        log_server.log_host = LOOPBACK


@pytest.fixture(scope="session")
def event_listener():
    """salt-factories' event listener, on loopback only."""
    listener = EventListener()
    listener.host = LOOPBACK
    listener.address = f"tcp://{LOOPBACK}:{listener.port}"
    with listener:
        yield listener
