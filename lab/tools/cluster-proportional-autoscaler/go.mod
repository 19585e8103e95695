module saltk8s.lab/cluster-proportional-autoscaler

go 1.23
