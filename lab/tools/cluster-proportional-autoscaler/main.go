// cluster-proportional-autoscaler stands in for the program of that name, whose module cannot be had: linear mode
// only. It sets the replicas of one Deployment from the number of nodes and cores, as its ConfigMap says.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type options struct {
	namespace, configMap, target, defaults, nodeLabels string
}

// linear is the one mode RKE configures for CoreDNS.
type linear struct {
	CoresPerReplica           float64 `json:"coresPerReplica"`
	NodesPerReplica           float64 `json:"nodesPerReplica"`
	Min                       int     `json:"min"`
	Max                       int     `json:"max"`
	PreventSinglePointFailure bool    `json:"preventSinglePointFailure"`
}

// replicas is how many the rule wants for so many schedulable nodes with so many cores.
func (l linear) replicas(nodes, cores float64) int {
	wanted := max(l.Min, 1)
	if l.CoresPerReplica > 0 {
		wanted = max(wanted, int(math.Ceil(cores/l.CoresPerReplica)))
	}
	if l.NodesPerReplica > 0 {
		wanted = max(wanted, int(math.Ceil(nodes/l.NodesPerReplica)))
	}
	if l.PreventSinglePointFailure && nodes > 1 {
		wanted = max(wanted, 2)
	}
	if l.Max > 0 {
		wanted = min(wanted, l.Max)
	}
	return wanted
}

// rule reads the ConfigMap, and creates it from the defaults when it is not there.
func rule(api *client, o options) (linear, error) {
	found := linear{}
	var config struct {
		Data map[string]string `json:"data"`
	}
	path := "/api/v1/namespaces/" + o.namespace + "/configmaps"
	code, err := api.call("GET", path+"/"+o.configMap, nil, &config)
	if code == http.StatusNotFound {
		var defaults map[string]json.RawMessage
		if err := json.Unmarshal([]byte(o.defaults), &defaults); err != nil {
			return found, fmt.Errorf("default-params: %w", err)
		}
		config.Data = map[string]string{}
		for mode, value := range defaults {
			config.Data[mode] = string(value)
		}
		_, err = api.call("POST", path, map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "data": config.Data,
			"metadata": map[string]string{"name": o.configMap, "namespace": o.namespace},
		}, nil)
	}
	if err != nil {
		return found, err
	}
	return found, json.Unmarshal([]byte(config.Data["linear"]), &found)
}

// size counts the nodes that take pods, and their cores.
func size(api *client, labels string) (nodes, cores float64, err error) {
	var list struct {
		Items []struct {
			Spec struct {
				Unschedulable bool `json:"unschedulable"`
			} `json:"spec"`
			Status struct {
				Capacity map[string]string `json:"capacity"`
			} `json:"status"`
		} `json:"items"`
	}
	if _, err := api.call("GET", "/api/v1/nodes?labelSelector="+url.QueryEscape(labels), nil, &list); err != nil {
		return 0, 0, err
	}
	for _, node := range list.Items {
		if node.Spec.Unschedulable {
			continue
		}
		count, err := strconv.ParseFloat(node.Status.Capacity["cpu"], 64)
		if err != nil {
			return 0, 0, err
		}
		nodes, cores = nodes+1, cores+count
	}
	return nodes, cores, nil
}

func adjust(api *client, o options) error {
	wants, err := rule(api, o)
	if err != nil {
		return err
	}
	nodes, cores, err := size(api, o.nodeLabels)
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(strings.ToLower(o.target), "deployment/")
	path := "/apis/apps/v1/namespaces/" + o.namespace + "/deployments/" + name + "/scale"
	var scale map[string]any
	if _, err := api.call("GET", path, nil, &scale); err != nil {
		return err
	}
	spec, ok := scale["spec"].(map[string]any)
	if !ok {
		spec = map[string]any{}
		scale["spec"] = spec
	}
	has, _ := spec["replicas"].(float64)
	wanted := wants.replicas(nodes, cores)
	if int(has) == wanted {
		return nil
	}
	log.Printf("replicas %d -> %d (nodes %g, cores %g)", int(has), wanted, nodes, cores)
	spec["replicas"] = wanted
	_, err = api.call("PUT", path, scale, nil)
	return err
}

func main() {
	o := options{}
	flag.StringVar(&o.namespace, "namespace", "", "of the target and the ConfigMap")
	flag.StringVar(&o.configMap, "configmap", "", "that holds the rule")
	flag.StringVar(&o.target, "target", "", "deployment/NAME")
	flag.StringVar(&o.defaults, "default-params", "", "JSON: the rule when there is no ConfigMap")
	flag.StringVar(&o.nodeLabels, "nodelabels", "", "selector of the nodes that count")
	flag.Bool("logtostderr", true, "accepted; it always logs there")
	flag.Int("v", 0, "accepted")
	flag.Parse()
	api, err := inCluster()
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	go func() { log.Fatal(http.ListenAndServe(":8080", nil)) }()
	for ; ; time.Sleep(10 * time.Second) {
		if err := adjust(api, o); err != nil {
			log.Print(err)
		}
	}
}
