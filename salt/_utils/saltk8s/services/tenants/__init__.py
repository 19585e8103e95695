"""Tenants: their part of the pillar, what follows from it, and their kubeconfigs."""
