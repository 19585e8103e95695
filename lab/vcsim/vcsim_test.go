package main

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// lab is a simulator with the names of a site, without containers, and a client of it.
type lab struct {
	client *govmomi.Client
	finder *find.Finder
	log    string // what the disk hook was called with
	end    func()
}

func newLab(t *testing.T) *lab {
	t.Helper()
	dir := t.TempDir()
	l := &lab{log: filepath.Join(dir, "hook.log")}
	hook := filepath.Join(dir, "hook")
	write(t, hook, "#!/bin/sh\necho \"$1 $2\" >> "+l.log+"\n[ \"$*\" != \"create full\" ]\n", 0o700)
	secret := filepath.Join(dir, "password")
	write(t, secret, "s3cret\n", 0o600)
	o, err := parse([]string{
		"-l", "127.0.0.1:0", "-user", "salt", "-password-file", secret, "-disk-hook", hook,
		"-datacenter", "OSUG", "-cluster", "PROD", "-datastore", "SAN1", "-network", "VLAN42",
	})
	if err != nil {
		t.Fatal(err)
	}
	server, end, err := start(o)
	if err != nil {
		t.Fatal(err)
	}
	l.end = end
	l.client, err = govmomi.NewClient(context.Background(), server.URL, true)
	if err != nil {
		t.Fatal(err)
	}
	l.finder = find.NewFinder(l.client.Client)
	return l
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func (l *lab) vm(t *testing.T, path string) (*object.VirtualMachine, mo.VirtualMachine) {
	t.Helper()
	vm, err := l.finder.VirtualMachine(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	var content mo.VirtualMachine
	if err := vm.Properties(context.Background(), vm.Reference(), nil, &content); err != nil {
		t.Fatal(err)
	}
	return vm, content
}

// clone clones the template into the folder k8s, as salt-cloud does.
func (l *lab) clone(t *testing.T, name string, spec types.VirtualMachineCloneSpec) error {
	t.Helper()
	ctx := context.Background()
	template, _ := l.vm(t, "/OSUG/vm/debian12-template")
	folder, err := l.finder.Folder(ctx, "/OSUG/vm/k8s")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := l.finder.ResourcePool(ctx, "/OSUG/host/PROD/Resources")
	if err != nil {
		t.Fatal(err)
	}
	reference := pool.Reference()
	spec.Location.Pool = &reference
	task, err := template.Clone(ctx, folder, name, spec)
	if err != nil {
		t.Fatal(err)
	}
	return task.Wait(ctx)
}

func disksOf(vm mo.VirtualMachine) []*types.VirtualDisk {
	var found []*types.VirtualDisk
	for _, device := range vm.Config.Hardware.Device {
		if disk, ok := device.(*types.VirtualDisk); ok {
			found = append(found, disk)
		}
	}
	return found
}

func customization(address string) *types.CustomizationSpec {
	return &types.CustomizationSpec{
		Identity: &types.CustomizationLinuxPrep{HostName: &types.CustomizationFixedName{Name: "k8s-w1"}, Domain: "osug.example"},
		NicSettingMap: []types.CustomizationAdapterMapping{{
			Adapter: types.CustomizationIPSettings{Ip: &types.CustomizationFixedIp{IpAddress: address}},
		}},
	}
}

func TestCloneIsAMachineOfItsOwn(t *testing.T) {
	l := newLab(t)
	defer l.end()
	_, template := l.vm(t, "/OSUG/vm/debian12-template")
	disk := *disksOf(template)[0]
	disk.CapacityInKB = 2 * templateDiskKB
	err := l.clone(t, "k8s-w1", types.VirtualMachineCloneSpec{
		PowerOn:       true,
		Customization: customization("10.20.0.21"),
		Config: &types.VirtualMachineConfigSpec{
			NumCPUs: 8, MemoryMB: 32768, Annotation: "a worker",
			ExtraConfig: []types.BaseOptionValue{&types.OptionValue{Key: "owner", Value: "saltk8s"}},
			DeviceChange: []types.BaseVirtualDeviceConfigSpec{
				&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationEdit, Device: &disk},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, vm := l.vm(t, "/OSUG/vm/k8s/k8s-w1")
	if vm.Config.Hardware.NumCPU != 8 || vm.Config.Hardware.MemoryMB != 32768 || vm.Config.Annotation != "a worker" {
		t.Errorf("hardware and annotation were not applied: %+v, %q", vm.Config.Hardware, vm.Config.Annotation)
	}
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		t.Errorf("the clone is %s", vm.Runtime.PowerState)
	}
	if vm.Guest.IpAddress != "10.20.0.21" || vm.Guest.HostName != "k8s-w1" {
		t.Errorf("customization was not applied: %s %s", vm.Guest.HostName, vm.Guest.IpAddress)
	}
	if size := disksOf(vm)[0].CapacityInKB; size != 2*templateDiskKB {
		t.Errorf("the clone's disk has %d KiB", size)
	}
	_, template = l.vm(t, "/OSUG/vm/debian12-template")
	if size := disksOf(template)[0].CapacityInKB; size != templateDiskKB {
		t.Errorf("the template's disk has %d KiB", size)
	}
	if label := disksOf(vm)[0].DeviceInfo.GetDescription().Label; label != "Hard disk 1" {
		t.Errorf("the disk is labelled %q", label)
	}
}

func TestFailedCloneLeavesNothing(t *testing.T) {
	l := newLab(t)
	defer l.end()
	for _, name := range []string{"full", "a;b"} { // the hook refuses the first, a shell would run the second
		if err := l.clone(t, name, types.VirtualMachineCloneSpec{}); err == nil {
			t.Errorf("%q was cloned", name)
		}
	}
	vms, err := l.finder.VirtualMachineList(context.Background(), "/OSUG/vm/...")
	if err != nil {
		t.Fatal(err)
	}
	if len(vms) != 1 {
		t.Errorf("left in the inventory: %v", vms)
	}
}

func TestDiskGoesWithItsMachine(t *testing.T) {
	l := newLab(t)
	for _, name := range []string{"one", "two"} {
		if err := l.clone(t, name, types.VirtualMachineCloneSpec{}); err != nil {
			t.Fatal(err)
		}
	}
	vm, _ := l.vm(t, "/OSUG/vm/k8s/one")
	task, err := vm.Destroy(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := task.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	l.end() // takes the rest
	content, err := os.ReadFile(l.log)
	if err != nil {
		t.Fatal(err)
	}
	if calls := strings.Fields(string(content)); !reflect.DeepEqual(
		calls, []string{"create", "one", "create", "two", "remove", "one", "remove", "two"}) {
		t.Errorf("the hook was called with %v", calls)
	}
}

func TestCustomizationBecomesContainerArguments(t *testing.T) {
	arguments, fault := containerArguments("vm", customization("10.20.0.21"))
	wanted := []string{"--hostname", "k8s-w1", "--domainname", "osug.example", "--ip", "10.20.0.21"}
	if fault != nil || !reflect.DeepEqual(arguments, wanted) {
		t.Errorf("got %v, %v", arguments, fault)
	}
	if _, fault = containerArguments("vm", customization("1.2.3.4; reboot")); fault == nil {
		t.Error("an address that is none went to the shell")
	}
}

func TestPasswordIsAskedFor(t *testing.T) {
	l := newLab(t)
	defer l.end()
	address := *l.client.URL()
	for _, password := range []string{"wrong", ""} {
		address.User = nil
		client, err := govmomi.NewClient(context.Background(), &address, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Login(context.Background(), url.UserPassword("salt", password)); err == nil {
			t.Errorf("password %q was let in", password)
		}
	}
}
