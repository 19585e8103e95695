"""The services: a module or a folder each, discovered by saltk8s.pillar.schema_services by its ``SCHEMA``."""
