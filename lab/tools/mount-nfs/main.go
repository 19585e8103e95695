// mount-nfs mounts an NFS export on a machine whose kernel has no NFS client: NFS version 3 over TCP, shown through FUSE.
//
//	mount-nfs HOST:/PATH DIRECTORY [-o OPTIONS] [other flags of mount(8)]
//
// It stays until the directory is unmounted. It tells systemd (NOTIFY_SOCKET) when the export is mounted. Of the
// options only `ro` means something; versions, timeouts and locking are not looked at: locks are this machine's own.
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mount.nfs:", err)
		os.Exit(32) // mount(8): the mount failed
	}
}

func run(args []string) error {
	source, directory, readOnly, err := parse(args)
	if err != nil {
		return err
	}
	host, path, found := strings.Cut(source, ":/")
	if !found {
		return fmt.Errorf("%q is not HOST:/PATH", source)
	}
	self, err := os.Hostname()
	if err != nil {
		return err
	}
	mounted, err := mountExport(host, "/"+path, self)
	if err != nil {
		return err
	}
	none := time.Duration(0)
	options := fuse.MountOptions{AllowOther: true, DirectMountStrict: true, FsName: source, Name: "nfs", MaxWrite: chunk}
	if readOnly {
		options.Options = append(options.Options, "ro")
		options.DirectMountFlags = syscall.MS_RDONLY | syscall.MS_NOSUID | syscall.MS_NODEV
	}
	server, err := fs.Mount(directory, &node{export: mounted, handle: mounted.root},
		&fs.Options{AttrTimeout: &none, EntryTimeout: &none, MountOptions: options})
	if err != nil {
		return err
	}
	tell("READY=1")
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stopped
		server.Unmount()
	}()
	server.Wait()
	return nil
}

func parse(args []string) (source, directory string, readOnly bool, err error) {
	var places []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-o" && i+1 < len(args):
			i++
			for _, option := range strings.Split(args[i], ",") {
				readOnly = readOnly || option == "ro"
			}
		case args[i] == "-r":
			readOnly = true
		case !strings.HasPrefix(args[i], "-"):
			places = append(places, args[i])
		}
	}
	if len(places) != 2 {
		return "", "", false, fmt.Errorf("usage: mount-nfs HOST:/PATH DIRECTORY [-o OPTIONS]")
	}
	return places[0], places[1], readOnly, nil
}

// tell sends a line to the service manager, when one waits for it.
func tell(state string) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	connection, err := net.Dial("unixgram", socket)
	if err != nil {
		return
	}
	defer connection.Close()
	connection.Write([]byte(state))
}
