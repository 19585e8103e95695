"""Prometheus: its part of the pillar, its configuration, alerting, dashboards, and the highstate as a metric."""
