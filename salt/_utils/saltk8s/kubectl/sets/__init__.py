"""Named sets of objects: read, planned, written, pruned."""
