"""A cluster of rke that runs: what its nodes say, how it is, what is kept of it before a change."""
