// Package udp stands in for a backend written in C; the lab uses vxlan.
package udp
