"""A node: its operating system and its container runtime."""
