// rke-plan prints what rke would change, by rke's own code.
//
// It reads a JSON list of {"before": PATH, "after": PATH, "existing": BOOL} of cluster.yml files, and prints a list of
// {"nodes": {NAME: {"drained", "recreated"}}, "addons": {NAME: OBJECTS}, "certificates": NAMES}: what happens to the
// nodes that stay, the objects of add-ons that differ, and the certificates that are made anew.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"sort"
	"strings"

	"github.com/rancher/rke/cluster"
	"github.com/rancher/rke/metadata"
	"github.com/rancher/rke/pki"
	"github.com/sirupsen/logrus"
	"k8s.io/apimachinery/pkg/util/yaml"
)

type pair struct {
	Before   string `json:"before"`
	After    string `json:"after"`
	Existing bool   `json:"existing"`
}

type answer struct {
	Nodes        map[string]cluster.NodeChange `json:"nodes"`
	Addons       map[string][]string           `json:"addons"`
	Certificates []string                      `json:"certificates"`
}

func main() {
	logrus.SetOutput(io.Discard)
	answers, err := run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(answers)
}

func run(ctx context.Context) ([]answer, error) {
	pairs := []pair{}
	if err := json.NewDecoder(os.Stdin).Decode(&pairs); err != nil {
		return nil, err
	}
	if err := metadata.InitMetadata(ctx); err != nil {
		return nil, err
	}
	answers, known := []answer{}, map[string]*cluster.Loaded{}
	var keys map[string]pki.CertificatePKI // of the first one: making keys takes longer than all the rest
	for _, one := range pairs {
		if known[one.Before] == nil {
			loaded, err := cluster.Load(ctx, one.Before, keys)
			if err != nil {
				return nil, fmt.Errorf("%s: %v", one.Before, err)
			}
			known[one.Before], keys = loaded, loaded.Certificates
		}
		before := known[one.Before]
		after, err := cluster.Load(ctx, one.After, before.Certificates)
		if err != nil {
			return nil, fmt.Errorf("%s: %v", one.After, err)
		}
		nodes, err := cluster.Changes(ctx, before, after, one.Existing)
		if err != nil {
			return nil, fmt.Errorf("%s: %v", one.After, err)
		}
		addons, err := differences(before.Addons, after.Addons)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer{nodes, addons, made(before.Certificates, after.Certificates)})
	}
	return answers, nil
}

func made(before, after map[string]pki.CertificatePKI) []string {
	found := []string{}
	for name, one := range after {
		if one.CertificatePEM != before[name].CertificatePEM {
			found = append(found, name)
		}
	}
	sort.Strings(found)
	return found
}

func differences(before, after map[string]string) (map[string][]string, error) {
	found := map[string][]string{}
	for _, name := range []string{"network", "dns", "metrics"} {
		old, err := objects(before[name])
		if err != nil {
			return nil, err
		}
		new, err := objects(after[name])
		if err != nil {
			return nil, err
		}
		different := []string{}
		for key := range old {
			if !reflect.DeepEqual(old[key], new[key]) {
				different = append(different, key)
			}
		}
		for key := range new {
			if old[key] == nil {
				different = append(different, key)
			}
		}
		if len(different) > 0 {
			sort.Strings(different)
			found[name] = different
		}
	}
	return found, nil
}

func objects(text string) (map[string]map[string]interface{}, error) {
	found := map[string]map[string]interface{}{}
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		object := map[string]interface{}{}
		if err := decoder.Decode(&object); err == io.EOF {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		if metadata, ok := object["metadata"].(map[string]interface{}); ok {
			found[fmt.Sprintf("%v/%v", object["kind"], metadata["name"])] = object
		}
	}
}
