module saltk8s.lab/rke-etcd-backup

go 1.23
