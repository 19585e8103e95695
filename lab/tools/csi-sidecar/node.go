package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
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
)

const (
	account    = "/var/run/secrets/kubernetes.io/serviceaccount/"
	substitute = "lab.sock"
)

// node answers what a kubelet asks a driver when it registers: the driver itself reads its VM's serial number from the
// firmware, and a machine of the lab has none. What the cloud controller found out stands in the Node object.
type node struct {
	csi.UnimplementedNodeServer
	id string
}

// NodeGetInfo says which VM this is.
func (n *node) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.id}, nil
}

// NodeGetCapabilities says that it can do nothing: no disk ever arrives.
func (n *node) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{}, nil
}

// endpointFor returns the socket that the kubelet is told: the driver's, or one of ours beside it when the driver does
// not know its VM.
func endpointFor(address, endpoint string) (string, error) {
	connection, err := dial(address)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err = csi.NewNodeClient(connection).NodeGetInfo(ctx, &csi.NodeGetInfoRequest{}); err == nil {
		return endpoint, nil
	}
	log.Printf("the driver does not know its VM (%v): the Node object is asked", err)
	id := identityOfNode()
	socket := filepath.Join(filepath.Dir(address), substitute)
	os.Remove(socket)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return "", err
	}
	server := grpc.NewServer()
	csi.RegisterNodeServer(server, &node{id: id})
	go func() { log.Fatal(server.Serve(listener)) }()
	return filepath.Join(filepath.Dir(endpoint), substitute), nil
}

// identityOfNode waits until the Node object of this machine has a providerID, and returns the VM's UUID in it.
func identityOfNode() string {
	for {
		id, err := providerID()
		if err == nil && strings.HasPrefix(id, "vsphere://") {
			return strings.TrimPrefix(id, "vsphere://")
		}
		log.Printf("no providerID yet: %q, %v", id, err)
		time.Sleep(2 * time.Second)
	}
}

func providerID() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", err
	}
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return "", err
	}
	authority, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return "", err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	client := http.Client{
		Timeout:   patience,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true},
	}
	address := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	request, err := http.NewRequest(http.MethodGet, "https://"+address+"/api/v1/nodes/"+name, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", name, answer.Status)
	}
	var found struct{ Spec struct{ ProviderID string } }
	err = json.NewDecoder(answer.Body).Decode(&found)
	return found.Spec.ProviderID, err
}
