module saltk8s.lab/pause

go 1.23
