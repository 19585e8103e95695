package services

import (
	"context"

	"github.com/docker/docker/client"
	"github.com/rancher/rke/docker"
	"github.com/rancher/rke/hosts"
	v3 "github.com/rancher/rke/types"
)

// Drains tells whether an upgrade of a running host cordons and drains it: what the two loops over hosts ask.
func Drains(ctx context.Context, host *hosts.Host, plan v3.RKEConfigNodePlan, version string) (bool, error) {
	if !host.IsControl {
		return isWorkerHostUpgradable(ctx, host, plan.Processes, version)
	}
	plans := map[string]v3.RKEConfigNodePlan{host.Address: plan}
	control, worker, err := checkHostUpgradable(ctx, host, plans, version)
	return control || worker, err
}

// Recreated names the containers of a host that rke would replace, or make where there is none.
func Recreated(ctx context.Context, host *hosts.Host, plan v3.RKEConfigNodePlan, version string) ([]string, error) {
	found := []string{}
	for name, process := range plan.Processes {
		image, machine, _ := GetProcessConfig(process, host, version)
		differs, err := docker.IsContainerUpgradable(ctx, host.DClient, image, machine, name, host.Address, WorkerRole)
		if err != nil && !client.IsErrNotFound(err) {
			return nil, err
		}
		if differs || err != nil {
			found = append(found, name)
		}
	}
	return found, nil
}
