package main

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25/types"
)

// waiting makes a list of tasks and hears of what happens to them, as the CSI driver does.
func waiting(t *testing.T, client *govmomi.Client) (*view.ListView, chan types.TaskInfo) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	list, err := view.NewManager(client.Client).CreateListView(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	skip := false
	filter := new(property.WaitFilter)
	filter.Add(list.Reference(), "Task", []string{"info"}, &types.TraversalSpec{Type: "ListView", Path: "view", Skip: &skip})
	heard := make(chan types.TaskInfo, 100)
	go func() {
		collector := property.DefaultCollector(client.Client)
		_ = property.WaitForUpdatesEx(ctx, collector, filter, func(updates []types.ObjectUpdate) bool {
			for _, update := range updates {
				for _, change := range update.ChangeSet {
					if info, ok := change.Val.(types.TaskInfo); ok {
						heard <- info
					}
				}
			}
			return false
		})
	}()
	return list, heard
}

// Two sessions wait at the same time, and each hears of its own task, also of one that was done before it was listed.
func TestEverySessionHearsOfItsTasks(t *testing.T) {
	l := newLab(t)
	defer l.end()
	address := l.client.URL()
	address.User = url.UserPassword("salt", "s3cret")
	other, err := govmomi.NewClient(context.Background(), address, true)
	if err != nil {
		t.Fatal(err)
	}
	first, heard := waiting(t, l.client)
	time.Sleep(200 * time.Millisecond) // the first one waits
	second, heardByOther := waiting(t, other)
	time.Sleep(200 * time.Millisecond)
	vm, _ := l.vm(t, "/OSUG/vm/debian12-template")
	for name, one := range map[string]struct {
		list  *view.ListView
		heard chan types.TaskInfo
	}{"first": {first, heard}, "second": {second, heardByOther}} {
		task, err := vm.Rename(context.Background(), "renamed-"+name)
		if err != nil {
			t.Fatal(err)
		}
		if err := task.Wait(context.Background()); err != nil {
			t.Fatal(err)
		}
		if _, err := one.list.Add(context.Background(), []types.ManagedObjectReference{task.Reference()}); err != nil {
			t.Fatal(err)
		}
		select {
		case info := <-one.heard:
			if info.Task != task.Reference() || info.State != types.TaskInfoStateSuccess {
				t.Errorf("%s: heard of %v, %s", name, info.Task, info.State)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s heard nothing", name)
		}
	}
}
