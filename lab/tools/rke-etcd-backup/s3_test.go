package main

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bucket answers as an S3 server does, as far as this program asks; it knows one key.
type bucket map[string][]byte

func (b bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.Header.Get("Authorization"), "Credential=who/") {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/k8s/")
	switch r.Method {
	case http.MethodPut:
		b[name] = make([]byte, r.ContentLength)
		_, _ = r.Body.Read(b[name])
		w.Header().Set("ETag", `"x"`)
	case http.MethodDelete:
		delete(b, name)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodGet, http.MethodHead:
		if r.URL.Query().Get("list-type") == "2" {
			_, _ = w.Write([]byte(`<ListBucketResult><Name>k8s</Name>` +
				`<Contents><Key>etcd/old_etcd.zip</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>` +
				`<Contents><Key>etcd/mine.zip</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>` +
				`</ListBucketResult>`))
			return
		}
		content, there := b[name]
		if !there {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		_, _ = w.Write(content)
	}
}

func there(t *testing.T) (place, bucket) {
	held := bucket{"etcd/old_etcd.zip": []byte("old"), "etcd/mine.zip": []byte("mine")}
	server := httptest.NewTLSServer(held)
	t.Cleanup(server.Close)
	pem := "-----BEGIN CERTIFICATE-----\n" + base64.StdEncoding.EncodeToString(server.Certificate().Raw) +
		"\n-----END CERTIFICATE-----\n"
	t.Setenv("S3_ACCESS_KEY", base64.StdEncoding.EncodeToString([]byte("who")))
	t.Setenv("S3_SECRET_KEY", base64.StdEncoding.EncodeToString([]byte("password")))
	return place{endpoint: strings.TrimPrefix(server.URL, "https://"), bucket: "k8s", region: "us-east-1", folder: "etcd",
		ca: base64.StdEncoding.EncodeToString([]byte(pem))}, held
}

func TestASnapshotGoesThereAndComesBack(t *testing.T) {
	where, held := there(t)
	archive := filepath.Join(t.TempDir(), "mine.zip")
	if err := os.WriteFile(archive, []byte("the database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := where.upload(archive); err != nil {
		t.Fatal(err)
	}
	if len(held["etcd/mine.zip"]) == 0 {
		t.Fatal("nothing was uploaded")
	}
	if err := os.Remove(archive); err != nil {
		t.Fatal(err)
	}
	held["etcd/mine.zip"] = []byte("the database")
	if err := where.fetch(archive); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(archive); err != nil || string(content) != "the database" {
		t.Fatalf("%q %v", content, err)
	}
	if err := where.remove(archive); err != nil || held["etcd/mine.zip"] != nil {
		t.Fatalf("removed: %v", err)
	}
}

func TestPeriodicSnapshotsGoWhenTheyAreOld(t *testing.T) {
	where, held := there(t)
	if err := where.prune(time.Hour); err != nil {
		t.Fatal(err)
	}
	if held["etcd/old_etcd.zip"] != nil || held["etcd/mine.zip"] == nil {
		t.Fatalf("%v", held)
	}
}

func TestAWrongKeyAndAnUnknownAuthorityAreErrors(t *testing.T) {
	where, _ := there(t)
	if err := (place{endpoint: where.endpoint, bucket: "k8s"}).fetch("x.zip"); err == nil {
		t.Fatal("an unknown authority was trusted")
	}
	t.Setenv("S3_ACCESS_KEY", base64.StdEncoding.EncodeToString([]byte("other")))
	if err := where.fetch(filepath.Join(t.TempDir(), "mine.zip")); err == nil {
		t.Fatal("a wrong key was taken")
	}
}
