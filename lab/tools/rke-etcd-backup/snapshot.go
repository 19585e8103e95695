package main

import (
	"archive/zip"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// save takes a snapshot and packs it, with RKE's state when RKE left it beside the certificates.
func save(o options) error {
	raw := backups + o.name
	command := exec.Command("/usr/local/bin/etcdctl", "--endpoints="+o.endpoints, "--cacert="+o.ca, "--cert="+o.cert,
		"--key="+o.key, "snapshot", "save", raw)
	command.Env = append(os.Environ(), "ETCDCTL_API=3")
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("snapshot save: %w", err)
	}
	members := map[string]string{"backup/" + o.name: raw}
	state := "/etc/kubernetes/" + o.name + ".rkestate"
	if _, err := os.Stat(state); err == nil {
		members["backup/"+o.name+".rkestate"] = state
	}
	if err := pack(o.archive(), members); err != nil {
		return err
	}
	for _, path := range members {
		if err := remove(path); err != nil {
			return err
		}
	}
	log.Printf("saved %s", o.archive())
	if o.s3 {
		return o.place.upload(o.archive())
	}
	return nil
}

// pack writes a zip of the members (name inside -> file); readable by root alone, for it holds the cluster's keys.
func pack(path string, members map[string]string) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	archive := zip.NewWriter(file)
	for name, source := range members {
		content, err := os.Open(source)
		if err != nil {
			return err
		}
		member, err := archive.Create(name)
		if err == nil {
			_, err = io.Copy(member, content)
		}
		if err = errors.Join(err, content.Close()); err != nil {
			return err
		}
	}
	return archive.Close()
}

// extract writes the member of that base name to a file.
func extract(path, name, target string) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	for _, member := range archive.File {
		if filepath.Base(member.Name) != name {
			continue
		}
		content, err := member.Open()
		if err != nil {
			return err
		}
		defer content.Close()
		return write(target, content)
	}
	return fmt.Errorf("%s is not in %s", name, path)
}

func write(target string, content io.Reader) error {
	file, err := os.OpenFile(target, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

// mutual is TLS in which both sides show a certificate of the cluster's authority.
func mutual(o options) (*tls.Config, error) {
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", o.ca)
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		Certificates: []tls.Certificate{pair}}, nil
}

// serve unpacks the snapshot here and gives its archive to the other etcd nodes, on etcd's own port.
func serve(o options) error {
	if err := extract(o.archive(), o.name, backups+o.name); err != nil {
		return err
	}
	config, err := mutual(o)
	if err != nil {
		return err
	}
	routes := http.NewServeMux()
	routes.HandleFunc("/"+o.name, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, o.archive()) })
	server := &http.Server{Addr: ":2379", Handler: routes, TLSConfig: config}
	return server.ListenAndServeTLS("", "")
}

// download fetches the archive, from the bucket or from the node that serves it, and unpacks the snapshot.
func download(o options) error {
	if o.s3 {
		if err := o.place.fetch(o.archive()); err != nil {
			return err
		}
		return extract(o.archive(), o.name, backups+o.name)
	}
	config, err := mutual(o)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	answer, err := client.Get("https://" + strings.TrimSpace(o.local) + ":2379/" + o.name)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	if err := write(o.archive(), answer.Body); err != nil {
		return err
	}
	return extract(o.archive(), o.name, backups+o.name)
}
