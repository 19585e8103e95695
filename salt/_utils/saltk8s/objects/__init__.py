"""The object engine: named sets of Kubernetes objects, read with one request a kind and written only where they differ.

    sources    files and folders -> texts
    manifest   text -> objects, checked and normalised
    identity   which object is meant: group, kind, namespace, name
    order      in which order objects are written and deleted
    compare    is all that is declared in the live object? (local, without a request)
    diff       what differs, field by field, without the values of secrets
    health     is an object healthy?
    client     kubectl
    refusals   what kubectl says, as our errors
    lists, quantity   what the API server writes in another way
    plan       what a run would do; the same for test mode and the real run
    sets       read, plan, write, prune, delete
    reader     what is live, what to do about it
    record     the kinds that a set ever had
    summary    objects in a few words
    wait       wait for health; what to say when it does not come
"""
