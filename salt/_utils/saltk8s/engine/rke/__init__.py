"""The engine ``rke``: everything that is known of Rancher Kubernetes Engine and of no other engine."""
