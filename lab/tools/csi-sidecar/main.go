// csi-sidecar stands in for three programs of the CSI project whose modules are not served: livenessprobe,
// node-driver-registrar and csi-attacher. Which one it is follows from its flags.
//
//   - --kubelet-registration-path: the registrar. It tells the kubelet where the driver's socket is, or one of its own
//     where the driver does not know its VM: see node.go.
//   - --leader-election: the attacher, which has nothing to do here: without a hypervisor no disk is ever attached.
//   - else the liveness probe: /healthz asks the driver.
//
// All of them answer /healthz and /healthz/leader-election on --http-endpoint. Other flags are accepted and not looked at.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

const patience = 5 * time.Second

// flags reads --name=value and --name; the real programs have many more than are looked at here.
func flags(args []string) map[string]string {
	found := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		found[name] = value
	}
	return found
}

func dial(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient("unix://"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func driver(address string) (csi.IdentityClient, error) {
	connection, err := dial(address)
	if err != nil {
		return nil, err
	}
	return csi.NewIdentityClient(connection), nil
}

// nameOf waits until the driver says its name.
func nameOf(identity csi.IdentityClient) string {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		info, err := identity.GetPluginInfo(ctx, &csi.GetPluginInfoRequest{})
		cancel()
		if err == nil {
			return info.GetName()
		}
		log.Printf("the driver does not answer yet: %v", err)
		time.Sleep(time.Second)
	}
}

// registrar is what the kubelet asks through the socket that it finds in its folder.
type registrar struct {
	registration.UnimplementedRegistrationServer
	name, endpoint string
}

// GetInfo says which driver this is, and where.
func (r *registrar) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type: registration.CSIPlugin, Name: r.name, Endpoint: r.endpoint, SupportedVersions: []string{"1.0.0"},
	}, nil
}

// NotifyRegistrationStatus hears what the kubelet made of it.
func (r *registrar) NotifyRegistrationStatus(
	_ context.Context, status *registration.RegistrationStatus,
) (*registration.RegistrationStatusResponse, error) {
	if !status.PluginRegistered {
		log.Printf("the kubelet refuses %s: %s", r.name, status.Error)
	}
	return &registration.RegistrationStatusResponse{}, nil
}

func register(identity csi.IdentityClient, address, endpoint string) error {
	name := nameOf(identity)
	endpoint, err := endpointFor(address, endpoint)
	if err != nil {
		return err
	}
	socket := filepath.Join("/registration", name+"-reg.sock")
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	registration.RegisterRegistrationServer(server, &registrar{name: name, endpoint: endpoint})
	return server.Serve(listener)
}

// healthy asks the driver whether it is ready.
func healthy(identity csi.IdentityClient) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		answer, err := identity.Probe(ctx, &csi.ProbeRequest{})
		if err == nil && answer.GetReady() != nil && !answer.GetReady().GetValue() {
			err = errors.New("not ready")
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

func run(given map[string]string) error {
	identity, err := driver(given["csi-address"])
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", healthy(identity))
	mux.HandleFunc("/healthz/leader-election", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	failed := make(chan error, 2)
	go func() { failed <- http.ListenAndServe(given["http-endpoint"], mux) }()
	if endpoint := given["kubelet-registration-path"]; endpoint != "" {
		go func() { failed <- register(identity, given["csi-address"], endpoint) }()
	}
	return <-failed
}

func main() {
	if err := run(flags(os.Args[1:])); err != nil {
		log.Fatal(err)
	}
}
