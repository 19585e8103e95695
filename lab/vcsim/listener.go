package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// listener tells one session's property collector what happens. The simulator keeps its listeners by their name, and the
// collectors of all sessions have one name: only the last session that began to wait would hear anything.
type listener struct {
	*simulator.PropertyCollector
	name types.ManagedObjectReference
}

func (l *listener) Reference() types.ManagedObjectReference {
	return l.name
}

// listen is called before a session waits for updates; version: of those that it has, "" at the first time.
func listen(ctx *simulator.Context, this types.ManagedObjectReference, version string) {
	if ctx.Session == nil {
		return
	}
	collector, ok := ctx.Session.Get(this).(*simulator.PropertyCollector)
	if !ok {
		return
	}
	if version == "" {
		name := types.ManagedObjectReference{Type: "Listener", Value: ctx.Session.Key + collector.Self.Value}
		ctx.Map.AddHandler(&listener{collector, name})
		return
	}
	ctx.Map.RemoveHandler(collector) // the one under the common name, so that nobody hears things twice
}
