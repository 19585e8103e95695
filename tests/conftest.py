"""What all tests share: salt-factories on loopback, Salt's deferred logging ended, no time limit of hypothesis."""

from __future__ import annotations

import logging

import hypothesis
import jinja2
import pytest
import salt._logging
from saltfactories.plugins.event_listener import EventListener

LOOPBACK = "127.0.0.1"
hypothesis.settings.register_profile("saltk8s", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("saltk8s")


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    """salt-factories listens on every address by default; nothing of a test may be reachable from outside."""
    salt._logging.shutdown_temp_handler()  # else it writes to a closed stream when pytest ends
    logging.root.setLevel(logging.WARNING)  # the handler had it make a record of each trace, which nobody reads
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


@pytest.fixture
def compiles(monkeypatch) -> list[str]:
    """The templates that Jinja itself compiles from now on."""
    found: list[str] = []
    compiling = jinja2.Environment.compile

    def compiled(self, source, *args, **kwargs):
        found.append(source)
        return compiling(self, source, *args, **kwargs)

    monkeypatch.setattr(jinja2.Environment, "compile", compiled)
    return found
