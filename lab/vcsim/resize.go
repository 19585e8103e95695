package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// refuseResize is what a vCenter says to a size that a VM cannot get; the simulator takes every number. A running VM is
// only given more, and only what its hot add is enabled for; a disk does not shrink, nor grow below a snapshot.
func refuseResize(vm *simulator.VirtualMachine, spec *types.VirtualMachineConfigSpec) types.BaseMethodFault {
	hardware := vm.Config.Hardware
	running := vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn
	cpus, memory := spec.NumCPUs, int32(spec.MemoryMB)
	if running && cpus != 0 && (cpus < hardware.NumCPU || cpus > hardware.NumCPU && !enabled(vm.Config.CpuHotAddEnabled)) {
		return &types.CpuHotPlugNotSupported{}
	}
	if running && memory != 0 &&
		(memory < hardware.MemoryMB || memory > hardware.MemoryMB && !enabled(vm.Config.MemoryHotAddEnabled)) {
		return &types.MemoryHotPlugNotSupported{}
	}
	for _, change := range spec.DeviceChange {
		if fault := refuseDisk(vm, change.GetVirtualDeviceConfigSpec()); fault != nil {
			return fault
		}
	}
	return nil
}

func refuseDisk(vm *simulator.VirtualMachine, change *types.VirtualDeviceConfigSpec) types.BaseMethodFault {
	disk, ok := change.Device.(*types.VirtualDisk)
	if !ok || change.Operation != types.VirtualDeviceConfigSpecOperationEdit {
		return nil
	}
	for _, device := range vm.Config.Hardware.Device {
		own, ok := device.(*types.VirtualDisk)
		if !ok || own.Key != disk.Key || own.CapacityInKB == disk.CapacityInKB {
			continue
		}
		if disk.CapacityInKB < own.CapacityInKB {
			return &types.InvalidArgument{InvalidProperty: "configSpec.deviceChange.device.capacityInKB"}
		}
		if vm.Snapshot != nil {
			return &types.GenericVmConfigFault{Reason: "msg.disk.extendFailure"}
		}
	}
	return nil
}

func enabled(flag *bool) bool {
	return flag != nil && *flag
}
