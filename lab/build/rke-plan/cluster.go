package cluster

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/rancher/rke/hosts"
	"github.com/rancher/rke/pki"
	"github.com/rancher/rke/services"
	v3 "github.com/rancher/rke/types"
)

// NodeChange is what a run does to a node that is in the cluster before and after it.
type NodeChange struct {
	Drained   bool     `json:"drained"`
	Recreated []string `json:"recreated"`
}

// Loaded is a cluster.yml with rke's defaults, and what rke would deploy for it.
type Loaded struct {
	Addons       map[string]string
	Certificates map[string]pki.CertificatePKI
	path, text   string
}

// Load reads a cluster.yml and compiles its add-ons. The certificates are those of a new cluster, or, with others
// given, what rke makes of these.
func Load(ctx context.Context, path string, given map[string]pki.CertificatePKI) (*Loaded, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	loaded := &Loaded{path: path, text: string(content), Certificates: given}
	c, err := loaded.cluster(ctx)
	if err != nil {
		return nil, err
	}
	config := c.RancherKubernetesEngineConfig
	if given == nil {
		loaded.Certificates, err = pki.GenerateRKECerts(ctx, config, path, "")
	} else {
		loaded.Certificates, err = Remade(ctx, config, path, given)
	}
	if err == nil {
		loaded.Addons, err = manifests(ctx, c)
	}
	return loaded, err
}

// Remade returns the certificates that rke has for a configuration where there were others before.
func Remade(ctx context.Context, config v3.RancherKubernetesEngineConfig, path string, given map[string]pki.CertificatePKI) (map[string]pki.CertificatePKI, error) {
	certificates := map[string]pki.CertificatePKI{}
	for name, one := range given {
		certificates[name] = one
	}
	return certificates, pki.GenerateRKEServicesCerts(ctx, certificates, config, path, "", false)
}

func (l *Loaded) cluster(ctx context.Context) (*Cluster, error) {
	config, err := ParseConfig(l.text)
	if err != nil {
		return nil, err
	}
	key := ""
	if isEncryptionEnabled(config) {
		key = "the same key before and after"
	}
	c, err := InitClusterObject(ctx, config, ExternalFlags{ClusterFilePath: l.path}, key)
	if err != nil {
		return nil, err
	}
	for _, host := range all(c) {
		host.DockerInfo.OSType, host.DockerInfo.Architecture = "linux", "x86_64"
	}
	return c, nil
}

func all(c *Cluster) []*hosts.Host {
	return hosts.GetUniqueHostList(c.EtcdHosts, c.ControlPlaneHosts, c.WorkerHosts)
}

func plan(ctx context.Context, c *Cluster, host *hosts.Host) (v3.RKEConfigNodePlan, error) {
	options, err := c.GetKubernetesServicesOptions("linux", nil)
	if err != nil {
		return v3.RKEConfigNodePlan{}, err
	}
	return BuildRKEConfigNodePlan(ctx, c, host, options), nil
}

// Changes returns what a run does to the nodes that stay, given what ran before. existing: whether members were added
// to etcd in the last run, so that its containers still say that the cluster exists.
func Changes(ctx context.Context, old, new *Loaded, existing bool) (map[string]NodeChange, error) {
	before, err := old.cluster(ctx)
	if err != nil {
		return nil, err
	}
	after, err := new.cluster(ctx)
	if err != nil {
		return nil, err
	}
	if existing {
		before.setReadyEtcdHosts()
	}
	machines := map[string]*machine{}
	for _, host := range all(before) {
		p, err := plan(ctx, before, host)
		if err != nil {
			return nil, err
		}
		m := run(host, p, before.Version)
		defer m.server.Close()
		machines[host.HostnameOverride] = m
		if host.DClient, err = m.client(); err != nil {
			return nil, err
		}
	}
	if err := reconcile(ctx, before, after); err != nil {
		return nil, err
	}
	found := map[string]NodeChange{}
	for _, host := range all(after) {
		m, known := machines[host.HostnameOverride]
		if !known {
			continue
		}
		if host.DClient, err = m.client(); err != nil {
			return nil, err
		}
		p, err := plan(ctx, after, host)
		if err != nil {
			return nil, err
		}
		change := NodeChange{}
		if change.Drained, err = services.Drains(ctx, host, p, after.Version); err != nil {
			return nil, err
		}
		if change.Recreated, err = services.Recreated(ctx, host, p, after.Version); err != nil {
			return nil, err
		}
		sort.Strings(change.Recreated)
		found[host.HostnameOverride] = change
	}
	return found, nil
}

// reconcile does to containers and members what ReconcileCluster does before it deploys anything.
func reconcile(ctx context.Context, before, after *Cluster) error {
	syncNodeRoles(ctx, before, after)
	for _, host := range hosts.GetToDeleteHosts(before.EtcdHosts, after.EtcdHosts, nil, false) {
		host.IsEtcd = false
		if err := services.RemoveEtcdPlane(ctx, []*hosts.Host{host}, false); err != nil {
			return err
		}
	}
	if added := hosts.GetToAddHosts(before.EtcdHosts, after.EtcdHosts); len(added) > 0 {
		after.setReadyEtcdHosts() // as it is when the last of them was added
	}
	for _, host := range hosts.GetToDeleteHosts(before.WorkerHosts, after.WorkerHosts, nil, false) {
		host.IsWorker = false
		if err := services.RemoveWorkerPlane(ctx, []*hosts.Host{host}, false); err != nil {
			return err
		}
	}
	gone := hosts.GetToDeleteHosts(before.ControlPlaneHosts, after.ControlPlaneHosts, nil, false)
	if len(gone) == len(before.ControlPlaneHosts) {
		return nil
	}
	return services.RemoveControlPlane(ctx, gone, false)
}

// manifests lets rke deploy its add-ons with a kubectl that keeps what it gets.
func manifests(ctx context.Context, c *Cluster) (map[string]string, error) {
	folder, err := os.MkdirTemp("", "rke-plan-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	kept := filepath.Join(folder, "manifest")
	script := "#!/bin/sh\nexec /bin/cat > " + kept + "\n"
	if err := os.WriteFile(filepath.Join(folder, "kubectl"), []byte(script), 0700); err != nil {
		return nil, err
	}
	path := os.Getenv("PATH")
	os.Setenv("PATH", folder)
	defer os.Setenv("PATH", path)
	c.UseKubectlDeploy = true
	found := map[string]string{}
	deploys := map[string]func(context.Context, map[string]interface{}) error{
		"network": c.deployNetworkPlugin, "dns": c.deployCoreDNS, "metrics": c.deployMetricServer,
	}
	for name, deploy := range deploys {
		os.Remove(kept)
		failed := deploy(ctx, nil) // there is no API server for what comes after kubectl
		text, err := os.ReadFile(kept)
		if os.IsNotExist(err) && name == "metrics" && c.Monitoring.Provider == "none" {
			continue
		}
		if err != nil {
			return nil, failed
		}
		found[name] = string(text)
	}
	return found, nil
}

// machine is a Docker that has the containers of one host.
type machine struct {
	containers map[string]types.ContainerJSON
	server     *httptest.Server
}

func run(host *hosts.Host, plan v3.RKEConfigNodePlan, version string) *machine {
	m := &machine{containers: map[string]types.ContainerJSON{}}
	for name, process := range plan.Processes {
		image, settings, _ := services.GetProcessConfig(process, host, version)
		state := &types.ContainerState{Running: true}
		m.containers[name] = types.ContainerJSON{
			ContainerJSONBase: &types.ContainerJSONBase{ID: name, Name: name, State: state, HostConfig: settings}, Config: image,
		}
	}
	m.server = httptest.NewServer(m)
	return m
}

func (m *machine) client() (*client.Client, error) {
	address := strings.Replace(m.server.URL, "http://", "tcp://", 1)
	return client.NewClientWithOpts(client.WithHost(address), client.WithVersion("1.41"))
}

func (m *machine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if strings.Contains(r.URL.Path, "/images/") {
		json.NewEncoder(w).Encode(types.ImageInspect{Config: &container.Config{}})
		return
	}
	name := strings.TrimSuffix(strings.SplitN(r.URL.Path, "/containers/", 2)[1], "/json")
	found, ok := m.containers[name]
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		json.NewEncoder(w).Encode(map[string]string{"message": "No such container: " + name})
	case r.Method == http.MethodDelete:
		delete(m.containers, name)
		w.WriteHeader(http.StatusNoContent)
	default:
		json.NewEncoder(w).Encode(found)
	}
}
