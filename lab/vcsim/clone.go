package main

import (
	"regexp"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// safeName is what may stand in a container's arguments: the simulator gives them to a shell.
var safeName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.-]*$`)

// cloner answers CloneVM_Task as a vCenter does. The simulator's own CloneVMTask takes over CPU, memory and devices,
// but not the rest of spec.config, nor the source's extraConfig, spec.customization and spec.powerOn, which are what
// makes a clone a machine of its own.
type cloner struct {
	*simulator.VirtualMachine
	disks *disks
}

// CloneVMTask replaces the simulator's method of that name.
func (c *cloner) CloneVMTask(ctx *simulator.Context, req *types.CloneVM_Task) soap.HasFault {
	task := simulator.CreateTask(c.VirtualMachine, "cloneVm", func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return c.clone(ctx, req)
	})
	return &methods.CloneVM_TaskBody{Res: &types.CloneVM_TaskResponse{Returnval: task.Run(ctx)}}
}

func (c *cloner) clone(ctx *simulator.Context, req *types.CloneVM_Task) (types.AnyType, types.BaseMethodFault) {
	if !safeName.MatchString(req.Name) {
		return nil, &types.InvalidName{Name: req.Name}
	}
	plain := *req
	plain.Spec.Template = false // a template refuses the configuration that follows
	plain.Spec.Config = nil
	result, fault := await(ctx, c.VirtualMachine.CloneVMTask(ctx, &plain))
	if fault != nil {
		return nil, fault
	}
	ref := result.(types.ManagedObjectReference)
	vm := ctx.Map.Get(ref).(*simulator.VirtualMachine)
	if fault = c.complete(ctx, vm, req.Spec); fault != nil {
		vm.DestroyTask(ctx, &types.Destroy_Task{This: ref}) // a vCenter leaves no half-made clone
		return nil, fault
	}
	return ref, nil
}

func (c *cloner) complete(
	ctx *simulator.Context, vm *simulator.VirtualMachine, spec types.VirtualMachineCloneSpec,
) types.BaseMethodFault {
	labelDevices(vm)
	if err := c.disks.create(vm.Self, vm.Name); err != nil {
		return &types.FileFault{File: vm.Name + ": " + err.Error()}
	}
	request := &types.ReconfigVM_Task{This: vm.Self, Spec: c.config(vm, spec.Config)}
	if _, fault := await(ctx, vm.ReconfigVMTask(ctx, request)); fault != nil {
		return fault
	}
	return finish(ctx, vm, spec)
}

// config is what the clone still has to be given: the wanted configuration, and the source's extraConfig below it.
func (c *cloner) config(vm *simulator.VirtualMachine, wanted *types.VirtualMachineConfigSpec) types.VirtualMachineConfigSpec {
	spec := types.VirtualMachineConfigSpec{}
	if wanted != nil {
		spec = *wanted
	}
	useOwnDisks(vm, spec.DeviceChange)
	given := map[string]bool{}
	for _, option := range spec.ExtraConfig {
		given[option.GetOptionValue().Key] = true
	}
	var inherited []types.BaseOptionValue
	for _, option := range c.Config.ExtraConfig {
		value := *option.GetOptionValue()
		if given[value.Key] {
			continue
		}
		if text, ok := value.Value.(string); ok {
			value.Value = strings.ReplaceAll(text, "{name}", vm.Name)
		}
		inherited = append(inherited, &value)
	}
	spec.ExtraConfig = append(inherited, spec.ExtraConfig...)
	return spec
}

// useOwnDisks turns edits of the source's disks into edits of the clone's: the client names the file of the source,
// and the simulator would resize that one.
func useOwnDisks(vm *simulator.VirtualMachine, changes []types.BaseVirtualDeviceConfigSpec) {
	for _, change := range changes {
		spec := change.GetVirtualDeviceConfigSpec()
		disk, ok := spec.Device.(*types.VirtualDisk)
		if !ok || spec.Operation != types.VirtualDeviceConfigSpecOperationEdit {
			continue
		}
		for _, device := range vm.Config.Hardware.Device {
			if own, ok := device.(*types.VirtualDisk); ok && own.Key == disk.Key {
				disk.Backing = own.Backing
			}
		}
	}
}

// finish does what a vCenter does with a clone once it is configured.
func finish(ctx *simulator.Context, vm *simulator.VirtualMachine, spec types.VirtualMachineCloneSpec) types.BaseMethodFault {
	if spec.Customization != nil {
		if fault := customizeContainer(vm, spec.Customization); fault != nil {
			return fault
		}
		request := &types.CustomizeVM_Task{This: vm.Self, Spec: *spec.Customization}
		if _, fault := await(ctx, vm.CustomizeVMTask(ctx, request)); fault != nil {
			return fault
		}
	}
	if spec.Template {
		vm.MarkAsTemplate(&types.MarkAsTemplate{This: vm.Self})
		return nil
	}
	if !spec.PowerOn {
		return nil
	}
	_, fault := await(ctx, vm.PowerOnVMTask(ctx, &types.PowerOnVM_Task{This: vm.Self}))
	return fault
}
