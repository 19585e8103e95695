package main

import (
	"errors"
	"fmt"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

const (
	templateDiskKB = 10 * 1024 * 1024
	hostThreads    = 64
	hostMemory     = 512 << 30
)

// names of what a site has in its vCenter; the lab uses those of its pillar.
type names struct {
	template, datacenter, cluster, pool, datastore, network, folder string
}

// inventory makes one datacenter with a cluster of two hosts, its network and storage, and the template.
func inventory(n names, run string) (*simulator.Model, error) {
	model := simulator.VPX()
	// the simulator calls itself 6.5; the CSI driver wants 6.7.3 at least
	model.ServiceContent.About.Version, model.ServiceContent.About.ApiVersion = "8.0.2", "8.0.2.0"
	model.Datacenter, model.Cluster, model.ClusterHost, model.Host = 1, 1, 2, 0
	model.Datastore, model.Portgroup, model.Pool, model.Machine = 1, 1, 1, 0
	if err := model.Create(); err != nil {
		return nil, err
	}
	ctx := model.Service.Context
	for kind, wanted := range map[string]struct{ was, name string }{
		"Datacenter":                  {"DC0", n.datacenter},
		"ClusterComputeResource":      {"DC0_C0", n.cluster},
		"ResourcePool":                {"DC0_C0_RP1", n.pool},
		"Datastore":                   {"LocalDS_0", n.datastore},
		"DistributedVirtualPortgroup": {"DC0_DVPG0", n.network},
	} {
		entity, err := entityOf(ctx, kind, wanted.was)
		if err != nil {
			return nil, err
		}
		ctx.Update(entity, []types.PropertyChange{{Name: "name", Val: wanted.name}})
	}
	if err := addFolder(ctx, n); err != nil {
		return nil, err
	}
	enlargeHosts(ctx)
	return model, addTemplate(ctx, n, run)
}

// enlargeHosts makes the hosts large enough for the VMs of a site: the simulator's have 2 threads and 4 GiB.
func enlargeHosts(ctx *simulator.Context) {
	for _, entity := range ctx.Map.All("HostSystem") {
		hardware := entity.(*simulator.HostSystem).Summary.Hardware
		hardware.NumCpuCores, hardware.NumCpuThreads, hardware.MemorySize = hostThreads/2, hostThreads, hostMemory
	}
}

func entityOf(ctx *simulator.Context, kind, name string) (mo.Entity, error) {
	for _, entity := range ctx.Map.All(kind) {
		if nameOf(entity) == name {
			return entity, nil
		}
	}
	return nil, fmt.Errorf("the simulator has no %s named %s", kind, name)
}

// nameOf is an entity's name; networks have a field of their own for it and leave the common one empty.
func nameOf(entity mo.Entity) string {
	switch network := entity.(type) {
	case *mo.Network:
		return network.Name
	case *simulator.DistributedVirtualPortgroup:
		return network.Name
	}
	return entity.Entity().Name
}

// vmFolder is the root of the datacenter's tree of VMs.
func vmFolder(ctx *simulator.Context, n names) (*simulator.Folder, error) {
	datacenter, err := entityOf(ctx, "Datacenter", n.datacenter)
	if err != nil {
		return nil, err
	}
	return ctx.Map.Get(datacenter.(*simulator.Datacenter).VmFolder).(*simulator.Folder), nil
}

func addFolder(ctx *simulator.Context, n names) error {
	root, err := vmFolder(ctx, n)
	if err != nil {
		return err
	}
	body := root.CreateFolder(ctx, &types.CreateFolder{This: root.Self, Name: n.folder})
	if fault := body.Fault(); fault != nil {
		return errors.New(fault.String)
	}
	return nil
}

// addTemplate makes the one VM that salt-cloud clones: 2 CPUs, 2 GiB, a disk and a network card.
func addTemplate(ctx *simulator.Context, n names, run string) error {
	root, err := vmFolder(ctx, n)
	if err != nil {
		return err
	}
	pool, err := entityOf(ctx, "ResourcePool", n.pool)
	if err != nil {
		return err
	}
	devices, err := templateDevices(ctx, n)
	if err != nil {
		return err
	}
	changes, err := devices.ConfigSpec(types.VirtualDeviceConfigSpecOperationAdd)
	if err != nil {
		return err
	}
	spec := types.VirtualMachineConfigSpec{
		Name: n.template, GuestId: "debian12_64Guest", NumCPUs: 2, MemoryMB: 2048, DeviceChange: changes,
		Files: &types.VirtualMachineFileInfo{VmPathName: "[" + n.datastore + "]"},
	}
	if run != "" {
		spec.ExtraConfig = []types.BaseOptionValue{
			&types.OptionValue{Key: simulator.ContainerBackingOptionKey, Value: run},
			// else each VM gets a volume filled by a busybox image, which an air-gapped machine does not have
			&types.OptionValue{Key: "RUN.mountdmi", Value: "false"},
		}
	}
	result, fault := await(ctx, root.CreateVMTask(ctx, &types.CreateVM_Task{
		This: root.Self, Config: spec, Pool: pool.Reference(),
	}))
	if fault != nil {
		return fmt.Errorf("the template: %#v", fault)
	}
	vm := ctx.Map.Get(result.(types.ManagedObjectReference)).(*simulator.VirtualMachine)
	labelDevices(vm)
	vm.MarkAsTemplate(&types.MarkAsTemplate{This: vm.Self})
	return nil
}

func templateDevices(ctx *simulator.Context, n names) (object.VirtualDeviceList, error) {
	entity, err := entityOf(ctx, "DistributedVirtualPortgroup", n.network)
	if err != nil {
		return nil, err
	}
	group := entity.(*simulator.DistributedVirtualPortgroup)
	port := types.DistributedVirtualSwitchPortConnection{
		PortgroupKey: group.Key,
		SwitchUuid:   ctx.Map.Get(*group.Config.DistributedVirtualSwitch).(*simulator.DistributedVirtualSwitch).Uuid,
	}
	var devices object.VirtualDeviceList
	card, err := devices.CreateEthernetCard("vmxnet3", &types.VirtualEthernetCardDistributedVirtualPortBackingInfo{Port: port})
	if err != nil {
		return nil, err
	}
	controller, err := devices.CreateSCSIController("pvscsi")
	if err != nil {
		return nil, err
	}
	store, err := entityOf(ctx, "Datastore", n.datastore)
	if err != nil {
		return nil, err
	}
	file := fmt.Sprintf("[%s] %s/disk1.vmdk", n.datastore, n.template)
	disk := devices.CreateDisk(controller.(types.BaseVirtualController), store.Reference(), file)
	disk.CapacityInKB = templateDiskKB
	return append(devices, controller, disk, card), nil
}

// labelDevices gives devices the labels of a vCenter: salt-cloud finds a VM's devices by them, and the simulator
// has names of its own ("disk-202-0").
func labelDevices(vm *simulator.VirtualMachine) {
	cards, disks, controllers := 0, 0, 0
	for _, device := range vm.Config.Hardware.Device {
		info := device.GetVirtualDevice().DeviceInfo.GetDescription()
		switch device.(type) {
		case types.BaseVirtualEthernetCard:
			cards++
			info.Label = fmt.Sprintf("Network adapter %d", cards)
		case *types.VirtualDisk:
			disks++
			info.Label = fmt.Sprintf("Hard disk %d", disks)
		case types.BaseVirtualSCSIController:
			info.Label = fmt.Sprintf("SCSI controller %d", controllers)
			controllers++
		}
	}
}

// await waits for the task in the answer of a simulator's method and returns what it made.
func await(ctx *simulator.Context, body soap.HasFault) (types.AnyType, types.BaseMethodFault) {
	if fault := body.Fault(); fault != nil {
		return nil, fault.VimFault().(types.BaseMethodFault)
	}
	var ref types.ManagedObjectReference
	switch b := body.(type) {
	case *methods.CreateVM_TaskBody:
		ref = b.Res.Returnval
	case *methods.CloneVM_TaskBody:
		ref = b.Res.Returnval
	case *methods.ReconfigVM_TaskBody:
		ref = b.Res.Returnval
	case *methods.CustomizeVM_TaskBody:
		ref = b.Res.Returnval
	case *methods.PowerOnVM_TaskBody:
		ref = b.Res.Returnval
	}
	task := ctx.Map.Get(ref).(*simulator.Task)
	task.Wait()
	if task.Info.Error != nil {
		return nil, task.Info.Error.Fault
	}
	return task.Info.Result, nil
}
