"""What builds the cluster: what every engine needs here, each engine in a folder of its own.

``registry.load`` returns the one that the pillar names; ``base.Engine`` is its interface.
"""
