"""Tests of nodes that are interrupted one at a time."""
