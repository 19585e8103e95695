"""The API server's audit policy: every write, never the content of what may hold a secret."""

from __future__ import annotations

from saltk8s.engine.rke import audit_policy


def test_audit_never_records_the_content_of_secrets():
    def matches(rule, group, resource):
        groups = rule.get("resources")
        return groups is None or any(
            one["group"] == group and ("resources" not in one or resource in one["resources"]) for one in groups
        )

    for resource in ("secrets", "configmaps", "serviceaccounts/token"):
        for_everybody = [
            rule
            for rule in audit_policy.policy()["rules"]
            if matches(rule, "", resource) and not {"users", "userGroups", "nonResourceURLs"} & set(rule)
        ]
        assert for_everybody[0]["level"] == "Metadata", resource


def test_audit_records_every_write():
    silent = [rule for rule in audit_policy.policy()["rules"] if rule["level"] == "None"]
    for rule in silent:
        harmless = {"events", "leases"} & {
            name for one in rule.get("resources", []) for name in one.get("resources", [])
        }
        assert harmless or "nonResourceURLs" in rule or set(rule["verbs"]) <= {"get", "list", "watch"}
    assert audit_policy.policy()["rules"][-1] == {"level": "Metadata"}
