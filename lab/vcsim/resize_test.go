package main

import (
	"context"
	"testing"

	"github.com/vmware/govmomi/vim25/types"
)

func TestARunningMachineTakesOnlyWhatAVCenterGivesIt(t *testing.T) {
	l := newLab(t)
	defer l.end()
	yes := true
	hot := types.VirtualMachineConfigSpec{NumCPUs: 4, MemoryMB: 8192, CpuHotAddEnabled: &yes, MemoryHotAddEnabled: &yes}
	for name, config := range map[string]types.VirtualMachineConfigSpec{"cold": {NumCPUs: 4, MemoryMB: 8192}, "hot": hot} {
		if err := l.clone(t, name, types.VirtualMachineCloneSpec{PowerOn: true, Config: &config}); err != nil {
			t.Fatal(err)
		}
	}
	for _, one := range []struct {
		vm    string
		spec  types.VirtualMachineConfigSpec
		taken bool
	}{
		{"cold", types.VirtualMachineConfigSpec{NumCPUs: 8}, false},
		{"cold", types.VirtualMachineConfigSpec{MemoryMB: 16384}, false},
		{"cold", types.VirtualMachineConfigSpec{NumCPUs: 4, MemoryMB: 8192}, true},
		{"hot", types.VirtualMachineConfigSpec{NumCPUs: 2}, false},
		{"hot", types.VirtualMachineConfigSpec{MemoryMB: 4096}, false},
		{"hot", types.VirtualMachineConfigSpec{NumCPUs: 8, MemoryMB: 16384}, true},
	} {
		if taken := reconfigure(t, l, one.vm, one.spec) == nil; taken != one.taken {
			t.Errorf("%s, %d CPUs, %d MiB: taken is %v", one.vm, one.spec.NumCPUs, one.spec.MemoryMB, taken)
		}
	}
}

func TestADiskGrowsWithoutSnapshots(t *testing.T) {
	l := newLab(t)
	defer l.end()
	ctx := context.Background()
	if err := l.clone(t, "k8s-w1", types.VirtualMachineCloneSpec{PowerOn: true}); err != nil {
		t.Fatal(err)
	}
	to := func(size int64) error {
		_, content := l.vm(t, "/OSUG/vm/k8s/k8s-w1")
		disk := *disksOf(content)[0]
		disk.CapacityInKB = size
		change := &types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationEdit, Device: &disk}
		return reconfigure(t, l, "k8s-w1", types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{change}})
	}
	if err := to(2 * templateDiskKB); err != nil {
		t.Errorf("it does not grow: %s", err)
	}
	if to(templateDiskKB) == nil {
		t.Error("it shrank")
	}
	vm, _ := l.vm(t, "/OSUG/vm/k8s/k8s-w1")
	task, err := vm.CreateSnapshot(ctx, "backup", "", false, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := task.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if to(3*templateDiskKB) == nil {
		t.Error("it grew below a snapshot")
	}
}

func reconfigure(t *testing.T, l *lab, name string, spec types.VirtualMachineConfigSpec) error {
	t.Helper()
	ctx := context.Background()
	vm, _ := l.vm(t, "/OSUG/vm/k8s/"+name)
	task, err := vm.Reconfigure(ctx, spec)
	if err != nil {
		return err
	}
	return task.Wait(ctx)
}
