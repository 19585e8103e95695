"""Before the Kubernetes version changes: what would stop the upgrade half-way, asked while nothing is changed yet."""
