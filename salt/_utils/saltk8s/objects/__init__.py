"""The object engine: named sets of Kubernetes objects, read with one request a kind and written only where they differ.

    sources    files and folders -> texts
    manifest   text -> objects, checked and normalised
    identity   which object is meant: group, kind, namespace, name
    order      in which order objects are written and deleted
    compare, shapes   is all that is declared in the live object? (local, without a request); what the server rewrites
    diff       what differs, field by field, without the values of secrets
    health     is an object healthy?
    access     from a call's arguments to the cluster that it means
    client, kubeconfig   kubectl, and whether its configuration is of use
    refusals   what kubectl says, as our errors
    lists, quantity   what the API server writes in another way
    batches    many objects through several kubectl at once
    ahead      begin to read before the manifests are read
    reader     what is live
    trial      dry runs, and which object an error is about
    planner, plan   what a run would do; the same for test mode and the real run
    sets       read, plan, write, prune, delete
    record     the kinds that a set ever had
    summary    objects in a few words
    wait       wait for health; what to say when it does not come

By hand, object by object:

    target     the one object that a call means, and whether a set declares what it would write
    explain    why is it not healthy: conditions, events, pods, containers, log lines
    nodes      cordon, labels, taints
    drain      what draining a node means, what is in its way; draining it
    rollout    how far it is, back to an earlier revision, another number of replicas
    until      wait for a condition, a field, the end
    logs, metrics, permissions   what is said, used, allowed
    selectors  label selectors, as text and decided here
"""
