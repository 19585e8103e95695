// nfs-provisioner stands in for nfs-subdir-external-provisioner, whose module is not served: it keeps the same contract.
//
// Environment: PROVISIONER_NAME, NFS_SERVER, NFS_PATH; ENABLE_LEADER_ELECTION (default true). The export is mounted at
// /persistentvolumes. A claim gets the directory NAMESPACE-CLAIM-VOLUME there, open to everybody, and a volume of type
// nfs. What happens to the directory of a deleted claim is in its class: onDelete delete or retain, else
// archiveOnDelete (default true: it is renamed to archived-...).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

type provisioner struct {
	client             kubernetes.Interface
	server, path, root string
}

// Provision makes a directory and describes it as a volume.
func (p *provisioner) Provision(
	_ context.Context, o controller.ProvisionOptions,
) (*core.PersistentVolume, controller.ProvisioningState, error) {
	if o.PVC.Spec.Selector != nil {
		return nil, controller.ProvisioningFinished, errors.New("a claim's selector is not supported")
	}
	name := o.PVC.Namespace + "-" + o.PVC.Name + "-" + o.PVName
	directory := filepath.Join(p.root, name)
	if err := os.MkdirAll(directory, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	if err := os.Chmod(directory, 0o777); err != nil { // whatever the umask is
		return nil, controller.ProvisioningFinished, err
	}
	volume := &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: o.PVName},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *o.StorageClass.ReclaimPolicy,
			AccessModes:                   o.PVC.Spec.AccessModes,
			MountOptions:                  o.StorageClass.MountOptions,
			Capacity:                      core.ResourceList{core.ResourceStorage: o.PVC.Spec.Resources.Requests[core.ResourceStorage]},
			PersistentVolumeSource: core.PersistentVolumeSource{
				NFS: &core.NFSVolumeSource{Server: p.server, Path: filepath.Join(p.path, name)},
			},
		},
	}
	return volume, controller.ProvisioningFinished, nil
}

// Delete does with the directory what the volume's class says.
func (p *provisioner) Delete(ctx context.Context, volume *core.PersistentVolume) error {
	name := filepath.Base(volume.Spec.NFS.Path)
	directory := filepath.Join(p.root, name)
	if _, err := os.Stat(directory); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	class, err := p.client.StorageV1().StorageClasses().Get(ctx, volume.Spec.StorageClassName, meta.GetOptions{})
	if err != nil {
		return err
	}
	switch class.Parameters["onDelete"] {
	case "delete":
		return os.RemoveAll(directory)
	case "retain":
		return nil
	}
	if text, given := class.Parameters["archiveOnDelete"]; given {
		archive, err := strconv.ParseBool(text)
		if err != nil {
			return err
		}
		if !archive {
			return os.RemoveAll(directory)
		}
	}
	return os.Rename(directory, filepath.Join(p.root, "archived-"+name))
}

func run(ctx context.Context) error {
	for _, name := range []string{"PROVISIONER_NAME", "NFS_SERVER", "NFS_PATH"} {
		if os.Getenv(name) == "" {
			return fmt.Errorf("the environment has no %s", name)
		}
	}
	elect := true
	if text := os.Getenv("ENABLE_LEADER_ELECTION"); text != "" {
		var err error
		if elect, err = strconv.ParseBool(text); err != nil {
			return fmt.Errorf("ENABLE_LEADER_ELECTION: %w", err)
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")) // none: the pod's own
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	root := os.Getenv("LAB_ROOT") // tests run it outside a container
	if root == "" {
		root = "/persistentvolumes"
	}
	p := &provisioner{client, os.Getenv("NFS_SERVER"), os.Getenv("NFS_PATH"), root}
	name := os.Getenv("PROVISIONER_NAME")
	controller.NewProvisionController(ctx, client, name, p, controller.LeaderElection(elect)).Run(ctx)
	return nil
}

func main() {
	klog.InitFlags(nil)
	flag.Parse()
	if err := run(context.Background()); err != nil {
		klog.Fatal(err)
	}
}
