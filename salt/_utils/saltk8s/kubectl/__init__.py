"""The object engine: named sets of Kubernetes objects, read with one request a kind and written only where they differ.

client       kubectl as a program: how it is run, which cluster it talks to, what its errors mean
manifests    where manifests come from, how they are read, which object is meant, in which order they are written
compare      what differs between a declared object and the live one: locally, then by a server-side dry run
sets         read, plan, write, prune, delete; the same plan for test mode and the real run
health       whether an object is healthy, waiting for it, explaining why it is not
operations   manual work on single objects: nodes, drain, rollout, logs, metrics, permissions, wait
"""
