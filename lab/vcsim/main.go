// vcsim is the lab's vCenter: govmomi's API simulator with one template in its inventory.
//
// It listens like a vCenter, so salt-cloud talks to it as to a real one. With -run, a VM is backed by a Docker
// container that is created when the VM is first powered on; without it, VMs exist in the API only, which is what
// tests of salt-cloud need. What govmomi's simulator does not do as a vCenter does is filled in clone.go, customize.go, resize.go
// and tags.go. The inventory lives in memory; SIGTERM removes the containers and the disks of all VMs.
//
// The password comes from a file, never from an argument: arguments are readable by everyone on the machine.
package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	_ "github.com/vmware/govmomi/cns/simulator"    // volumes of the CSI driver
	_ "github.com/vmware/govmomi/lookup/simulator" // endpoints that clients of a vCenter look for
	_ "github.com/vmware/govmomi/pbm/simulator"
	"github.com/vmware/govmomi/simulator"
	_ "github.com/vmware/govmomi/sts/simulator"
	_ "github.com/vmware/govmomi/vapi/simulator"
)

type options struct {
	listen, user, passwordFile, cert, key string
	run, diskHook                         string
	names                                 names
}

func parse(args []string) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("vcsim", flag.ContinueOnError)
	flags.StringVar(&o.listen, "l", "127.0.0.1:8989", "listen `address`; port 0 picks a free one")
	flags.StringVar(&o.user, "user", "administrator@vsphere.local", "login `name`")
	flags.StringVar(&o.passwordFile, "password-file", "", "`file` that holds the password")
	flags.StringVar(&o.cert, "cert", "", "TLS certificate `file` (default: one made up at start)")
	flags.StringVar(&o.key, "key", "", "TLS key `file`")
	flags.StringVar(&o.run, "run", "", "`arguments` of docker create for a VM; {name} becomes the VM's name")
	flags.StringVar(&o.diskHook, "disk-hook", "", "`program` run as PROGRAM create|remove NAME for the disk of a VM")
	flags.StringVar(&o.names.template, "template", "debian12-template", "`name` of the template")
	flags.StringVar(&o.names.datacenter, "datacenter", "DC0", "`name` of the datacenter")
	flags.StringVar(&o.names.cluster, "cluster", "DC0_C0", "`name` of the cluster")
	flags.StringVar(&o.names.pool, "resourcepool", "DC0_C0_RP1", "`name` of the resource pool in that cluster")
	flags.StringVar(&o.names.datastore, "datastore", "LocalDS_0", "`name` of the datastore")
	flags.StringVar(&o.names.network, "network", "DC0_DVPG0", "`name` of the distributed port group")
	flags.StringVar(&o.names.folder, "folder", "k8s", "`name` of a folder for VMs")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.passwordFile == "" {
		return o, errors.New("-password-file is needed")
	}
	return o, nil
}

// credentials is the login as the simulator wants it: part of the URL that it listens on.
func credentials(o options) (*url.Userinfo, error) {
	content, err := os.ReadFile(o.passwordFile)
	if err != nil {
		return nil, err
	}
	password := strings.TrimRight(string(content), "\r\n")
	if password == "" {
		return nil, fmt.Errorf("%s holds no password", o.passwordFile)
	}
	return url.UserPassword(o.user, password), nil
}

// start builds the inventory and listens; the caller ends both with the function returned.
func start(o options) (*simulator.Server, func(), error) {
	login, err := credentials(o)
	if err != nil {
		return nil, nil, err
	}
	config := new(tls.Config)
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	model, err := inventory(o.names, o.run)
	if err != nil {
		return nil, nil, err
	}
	disks := &disks{hook: o.diskHook}
	fillGaps(model.Service.Context, disks)
	model.Service.ServeMux = http.NewServeMux()
	serveTags(model.Service.ServeMux)
	model.Service.Listen = &url.URL{Host: o.listen, User: login}
	model.Service.RegisterEndpoints = true
	model.Service.TLS = config
	server := model.Service.NewServer()
	return server, func() {
		closeSoon(server)
		model.Remove() // containers first, they use the disks
		disks.removeAll()
	}, nil
}

// closeSoon does not wait for those who wait for updates themselves, as the CSI driver does all the time.
func closeSoon(server *simulator.Server) {
	closed := make(chan struct{})
	go func() {
		server.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(2 * time.Second):
	}
}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGINT, syscall.SIGTERM)
	server, end, err := start(o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("vcsim listens on %s\n", server.URL.Host) // not the whole URL: it carries the password
	<-stopped
	end()
}
