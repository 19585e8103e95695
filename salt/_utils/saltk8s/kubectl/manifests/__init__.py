"""Manifests: where they come from, how they are read, which object is meant, in which order they are written."""
