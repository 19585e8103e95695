module saltk8s.lab/mount-nfs

go 1.23

require (
	github.com/hanwen/go-fuse/v2 v2.9.0
	golang.org/x/sys v0.28.0
)
