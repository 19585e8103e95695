"""Backup: its part of the pillar, and backups and restores on demand."""
