"""Backup: its part of the pillar, and backups and restores by hand."""
