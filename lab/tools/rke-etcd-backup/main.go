// rke-etcd-backup stands in for the command of that name in rke-tools, whose module cannot be had: RKE runs it in
// containers on etcd nodes to save, serve, fetch, open and delete etcd snapshots. Snapshots lie in /backup as
// NAME.zip: the database and, when RKE left one, its state; with -s3-backup they are copied to a bucket, too.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	backups = "/backup/"
	usage   = "usage: rke-etcd-backup etcd-backup save|serve|download|extractstatefile|delete --name NAME ..."
)

type options struct {
	name, endpoints, local string
	ca, cert, key          string
	once, cleanup, s3      bool
	creation, retention    time.Duration
	place                  place
}

// archive is the snapshot's file.
func (o options) archive() string { return backups + o.name + ".zip" }

func parse(verb string, args []string) (options, error) {
	o := options{}
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.StringVar(&o.name, "name", "", "snapshot")
	flags.StringVar(&o.endpoints, "endpoints", "127.0.0.1:2379", "etcd")
	flags.StringVar(&o.local, "local-endpoint", "", "address of the node that serves a snapshot")
	flags.StringVar(&o.ca, "cacert", "", "certificate authority")
	flags.StringVar(&o.cert, "cert", "", "certificate")
	flags.StringVar(&o.key, "key", "", "key")
	flags.BoolVar(&o.once, "once", false, "save once, not periodically")
	flags.BoolVar(&o.cleanup, "cleanup", false, "delete what was unpacked, keep the archive")
	flags.BoolVar(&o.s3, "s3-backup", false, "copy to and from a bucket")
	flags.DurationVar(&o.creation, "creation", 12*time.Hour, "time between two snapshots")
	flags.DurationVar(&o.retention, "retention", 72*time.Hour, "age at which a periodic snapshot goes")
	for name, value := range map[string]*string{"s3-endpoint": &o.place.endpoint, "s3-bucketName": &o.place.bucket,
		"s3-region": &o.place.region, "s3-folder": &o.place.folder, "s3-endpoint-ca": &o.place.ca} {
		flags.StringVar(value, name, "", "with -s3-backup")
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if strings.Contains(o.name, "/") || (o.name == "" && !(verb == "save" && !o.once)) {
		return o, fmt.Errorf("not a snapshot's name: %q", o.name)
	}
	return o, nil
}

// forever saves a snapshot every interval and removes the old ones; it never returns.
func forever(o options) {
	for {
		time.Sleep(o.creation)
		o.name = time.Now().UTC().Format(time.RFC3339) + "_etcd"
		if err := save(o); err != nil {
			log.Print(err)
		}
		if err := prune(o.retention); err != nil {
			log.Print(err)
		}
		if o.s3 {
			if err := o.place.prune(o.retention); err != nil {
				log.Print(err)
			}
		}
	}
}

// prune removes periodic snapshots older than the retention; those with a name of their own stay.
func prune(keep time.Duration) error {
	found, err := filepath.Glob(backups + "*_etcd.zip")
	if err != nil {
		return err
	}
	for _, path := range found {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > keep {
			if err := os.Remove(path); err != nil {
				return err
			}
			log.Printf("removed %s", path)
		}
	}
	return nil
}

func run(args []string) error {
	if len(args) < 2 || args[0] != "etcd-backup" {
		return fmt.Errorf(usage)
	}
	verb := args[1]
	o, err := parse(verb, args[2:])
	if err != nil {
		return err
	}
	switch verb {
	case "save":
		if !o.once {
			forever(o)
		}
		return save(o)
	case "extractstatefile":
		return extract(o.archive(), o.name+".rkestate", "/tmp/cluster.rkestate")
	case "serve":
		return serve(o)
	case "download":
		return download(o)
	case "delete":
		if o.s3 && !o.cleanup {
			if err := o.place.remove(o.archive()); err != nil {
				return err
			}
		}
		if err := remove(backups + o.name); err != nil || o.cleanup {
			return err
		}
		return remove(o.archive())
	}
	return fmt.Errorf(usage)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}
