"""Taking over a cluster that ``rke`` built by hand: its ``cluster.yml`` and its state become a pillar and a record."""
