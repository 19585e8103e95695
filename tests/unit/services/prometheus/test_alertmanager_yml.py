"""alertmanager.yml: receivers and routes follow the pillar."""

from __future__ import annotations

from saltk8s.services.prometheus import alertmanager_yml
from tests.support import pillars


def _service(**more) -> dict:
    """Return the service's part of the example's model; more: laid over ``services:prometheus``."""
    return pillars.model({"services": {"prometheus": {"enabled": True} | more}})["services"]["prometheus"]


def receivers(**given) -> dict:
    return alertmanager_yml.configuration(_service(receivers=given))


def test_without_receivers_nobody_is_told():
    service = _service() | {"receivers": {}, "smtp": None}
    found = alertmanager_yml.configuration(service)
    assert found["receivers"] == [{"name": alertmanager_yml.NOBODY}]
    assert found["route"]["receiver"] == alertmanager_yml.NOBODY
    assert [route["receiver"] for route in found["route"]["routes"]] == [alertmanager_yml.NOBODY]


def test_a_receiver_gets_its_severities_and_namespaces():
    found = receivers(night={"webhooks": ["http://h/x"], "severities": ["critical", "info"], "namespaces": ["a", "b"]})
    (route,) = [one for one in found["route"]["routes"] if one["receiver"] == "night"]
    assert route["matchers"] == ['severity=~"critical|info"', 'namespace=~"a|b"']
    assert route["continue"] is True
    (told,) = [one for one in found["receivers"] if one["name"] == "night"]
    assert told["webhook_configs"] == [{"url": "http://h/x", "send_resolved": True}]
    assert "email_configs" not in told


def test_the_watchdog_goes_only_to_those_who_asked():
    found = receivers(switch={"webhooks": ["http://h/x"], "severities": [], "watchdog": True})["route"]["routes"]
    watch = [one["receiver"] for one in found if one["matchers"] == ['alertname="Watchdog"']]
    assert watch == ["switch", alertmanager_yml.NOBODY]
    assert [one["receiver"] for one in found if one["matchers"] != ['alertname="Watchdog"']] == ["ops"]


def test_mail_is_sent_with_tls_unless_the_pillar_says_no():
    def sent(**more) -> dict:
        smtp = {"server": "m:587", "from": "a@b.example"} | more
        return alertmanager_yml.configuration(_service(smtp=smtp))["global"]

    assert sent()["smtp_require_tls"] is True
    assert sent(tls=False)["smtp_require_tls"] is False
    assert "smtp_auth_password" not in sent()
    assert sent(username="u", password="p")["smtp_auth_password"] == "p"
