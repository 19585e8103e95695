// Package tencentvpc stands in for a backend whose SDK cannot be had; the lab uses vxlan.
package tencentvpc
