module saltk8s.lab/web

go 1.23
