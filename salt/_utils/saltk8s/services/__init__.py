"""What each service reads of the pillar: one module a service, with ``SCHEMA``, ``MEANING`` and ``RULES``."""
