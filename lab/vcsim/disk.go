package main

import (
	"fmt"
	"log"
	"os/exec"
	"sync"

	"github.com/vmware/govmomi/vim25/types"
)

// disks are the disks of container-backed VMs: folders that a program of the lab makes when a template is cloned
// (hook create NAME) and removes with the VM (hook remove NAME). Without a hook there are none.
type disks struct {
	hook  string
	names sync.Map // reference of the VM -> its name
}

func (d *disks) create(ref types.ManagedObjectReference, name string) error {
	if d.hook == "" {
		return nil
	}
	d.names.Store(ref, name) // also when the hook fails half-way: what it left is removed with the VM
	return d.call("create", name)
}

func (d *disks) remove(ref types.ManagedObjectReference) {
	if name, ok := d.names.LoadAndDelete(ref); ok {
		if err := d.call("remove", name.(string)); err != nil {
			log.Print(err)
		}
	}
}

func (d *disks) removeAll() {
	d.names.Range(func(ref, _ any) bool {
		d.remove(ref.(types.ManagedObjectReference))
		return true
	})
}

func (d *disks) call(verb, name string) error {
	if output, err := exec.Command(d.hook, verb, name).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s %s: %w: %s", d.hook, verb, name, err, output)
	}
	return nil
}
