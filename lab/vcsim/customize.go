package main

import (
	"net"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// fillGaps makes the simulator answer as a vCenter where salt-cloud depends on it.
func fillGaps(ctx *simulator.Context, disks *disks) {
	ctx.Map.AddHandler(&observer{disks})
	for _, template := range ctx.Map.All("VirtualMachine") {
		ctx.Map.Put(&cloner{template.(*simulator.VirtualMachine), disks})
	}
	ctx.Map.Handler = func(ctx *simulator.Context, method *simulator.Method) (mo.Reference, types.BaseMethodFault) {
		switch request := method.Body.(type) {
		case *types.WaitForUpdates:
			listen(ctx, method.This, request.Version)
		case *types.WaitForUpdatesEx:
			listen(ctx, method.This, request.Version)
		}
		vm, ok := ctx.Map.Get(method.This).(*simulator.VirtualMachine)
		if !ok {
			return nil, nil
		}
		switch request := method.Body.(type) {
		case *types.CustomizeVM_Task: // the driver of Salt 3008 customizes after the clone
			return nil, customizeContainer(vm, &request.Spec)
		case *types.ReconfigVM_Task:
			nameNetworks(ctx, request.Spec.DeviceChange)
			if fault := refuseResize(vm, &request.Spec); fault != nil {
				return nil, fault
			}
		}
		return nil, nil
	}
}

// nameNetworks adds the name of a standard network to cards that give its reference alone, as the driver of Salt 3008
// does and a vCenter accepts; the simulator looks the network up by name and crashes without one.
func nameNetworks(ctx *simulator.Context, changes []types.BaseVirtualDeviceConfigSpec) {
	for _, change := range changes {
		card, ok := change.GetVirtualDeviceConfigSpec().Device.(types.BaseVirtualEthernetCard)
		if !ok {
			continue
		}
		backing, ok := card.GetVirtualEthernetCard().Backing.(*types.VirtualEthernetCardNetworkBackingInfo)
		if !ok || backing.DeviceName != "" || backing.Network == nil {
			continue
		}
		if network, ok := ctx.Map.Get(*backing.Network).(mo.Entity); ok {
			backing.DeviceName = nameOf(network)
		}
	}
}

// customizeContainer gives a customization to the container behind the VM, if there is one: the simulator only
// reports hostname and address, the container would have others.
func customizeContainer(vm *simulator.VirtualMachine, spec *types.CustomizationSpec) types.BaseMethodFault {
	arguments, fault := containerArguments(vm.Name, spec)
	if fault != nil || len(arguments) == 0 {
		return fault
	}
	for _, option := range vm.Config.ExtraConfig {
		if value := option.GetOptionValue(); value.Key == simulator.ContainerBackingOptionKey {
			value.Value = strings.Join(append(arguments, value.Value.(string)), " ")
		}
	}
	return nil
}

// containerArguments are the options of docker create that a Linux customization amounts to. The first static
// address counts, for a container has one network here; with DHCP Docker chooses.
func containerArguments(name string, spec *types.CustomizationSpec) ([]string, types.BaseMethodFault) {
	var arguments []string
	if linux, ok := spec.Identity.(*types.CustomizationLinuxPrep); ok {
		if fixed, ok := linux.HostName.(*types.CustomizationFixedName); ok {
			name = fixed.Name
		}
		if !safeName.MatchString(name) {
			return nil, &types.InvalidArgument{InvalidProperty: "spec.identity.hostName"}
		}
		arguments = append(arguments, "--hostname", name)
		if linux.Domain != "" {
			if !safeName.MatchString(linux.Domain) {
				return nil, &types.InvalidArgument{InvalidProperty: "spec.identity.domain"}
			}
			arguments = append(arguments, "--domainname", linux.Domain)
		}
	}
	for _, card := range spec.NicSettingMap {
		if fixed, ok := card.Adapter.Ip.(*types.CustomizationFixedIp); ok {
			if net.ParseIP(fixed.IpAddress) == nil {
				return nil, &types.InvalidArgument{InvalidProperty: "spec.nicSettingMap.adapter.ip"}
			}
			return append(arguments, "--ip", fixed.IpAddress), nil
		}
	}
	return arguments, nil
}

// observer follows the VMs of the inventory.
type observer struct{ disks *disks }

// Reference is the identity that a handler must have; no client sees it.
func (*observer) Reference() types.ManagedObjectReference {
	return types.ManagedObjectReference{Type: "Observer", Value: "observer"}
}

// PutObject is part of the simulator's interface; a new VM needs nothing here.
func (*observer) PutObject(*simulator.Context, mo.Reference) {}

// RemoveObject removes the disk of a destroyed VM.
func (o *observer) RemoveObject(_ *simulator.Context, ref types.ManagedObjectReference) {
	o.disks.remove(ref)
}

// UpdateObject copies the state of the guest tools to the summary, where the driver of Salt 3006 waits for it; the
// simulator sets it in one place only.
func (*observer) UpdateObject(_ *simulator.Context, object mo.Reference, _ []types.PropertyChange) {
	vm, ok := object.(*mo.VirtualMachine)
	if ok && vm.Guest != nil && vm.Summary.Guest != nil {
		vm.Summary.Guest.ToolsStatus = vm.Guest.ToolsStatus
		vm.Summary.Guest.ToolsRunningStatus = vm.Guest.ToolsRunningStatus
	}
}
