"""What the API server does to the values of built-in objects, by kind: other spellings, defaults, what vanishes.

Only what managedFields do not tell stands here. They tell which lists have keys and which values are replaced as one
(``saltk8s.kubectl.compare.equality``); they do not tell that ``0.25`` becomes ``250m``, and inside a value that is
replaced as one they tell nothing at all: there a field that is not declared is either a default, or will be removed.

A field that is missing here costs a request. A wrong one could hide a change: the property tests look for those.

shape         what can be known of a value
pods, workloads, networking, cluster, extensions    the kinds by subject, each with its table ``KINDS``
kinds         all of them
"""
