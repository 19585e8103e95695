"""What an upgrade of Kubernetes takes away: APIs that the next version does not serve any more, and who uses them."""
