"""Sets of objects: read, plan, write, prune, delete; the same plan for test mode and the real run.

object_set   a set applied or deleted: what the execution module calls
options      how: the parameters of ``kubectl.apply``
prefetch     reading that starts before the manifests are read
remembered   what was equal in the last run
reader       the live objects
membership   objects of other sets, copies, and what leaves the set
planner      from declared and live objects to a plan
trial        objects tried by dry run
estimate     what an apply would make of an object that cannot be tried
replacement  objects of which a field is immutable
admission    what the API server rejects, and which change of the same run could lift that
actions      the plan as data
run          the plan carried out
writing      objects written, replaced and deleted
record       the kinds that a set ever had
"""
