"""Sets of objects: read, plan, write, prune, delete; the same plan for test mode and the real run.

object_set   a set applied or deleted: what the execution module calls
options      how: the parameters of ``kubectl.apply``
prefetch     reading that starts before the manifests are read
remembered   what was equal in the last run
reader       the live objects
planner      from declared and live objects to a plan
actions      the plan as data
writing      the plan carried out
record       the kinds that a set ever had
"""
