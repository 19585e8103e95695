"""Whether an object is healthy, waiting until it is, and explaining why it is not."""
