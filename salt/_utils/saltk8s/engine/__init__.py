"""What builds the cluster: what every engine needs here, each engine in a folder of its own.

``registry.load`` gives the one that the pillar names, ``base.Engine`` says what it can do.
"""
