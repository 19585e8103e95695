package main

import (
	"testing"

	"github.com/vmware-tanzu/velero/pkg/plugin/velero"
)

var _ velero.ObjectStore = (*store)(nil)

func TestInitRefuses(t *testing.T) {
	for name, config := range map[string]map[string]string{
		"no server":      {"region": "us-east-1"},
		"no URL":         {"s3Url": "s3.example"},
		"an unknown key": {"s3Url": "https://s3.example", "colour": "blue"},
		"no certificate": {"s3Url": "https://s3.example", "caCert": "nothing"},
	} {
		if err := (&store{}).Init(config); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestInitTakesTheKeysOfALocation(t *testing.T) {
	made := &store{}
	err := made.Init(map[string]string{"s3Url": "https://s3.example", "region": "us-east-1", "s3ForcePathStyle": "true",
		"credentialsFile": "/nowhere", "publicUrl": "https://public.example", "bucket": "b", "prefix": "p"})
	if err != nil || made.public.EndpointURL().Host != "public.example" {
		t.Fatalf("%v", err)
	}
}
