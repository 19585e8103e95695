"""Virtual machines: what Salt Cloud reads."""
