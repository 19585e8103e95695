"""The programs of the lab's images: which Go module, at which version, built how.

One entry a program. ``tier`` says who needs it: ``test`` for `make test`, ``cluster`` for the lab.
Everything is pinned; the Go module proxy and its checksum database are the only source.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labkit import versions

# the release of cli-runtime that Velero asks for is not served; it is used by its command line alone
VELERO_REPLACE = {"k8s.io/cli-runtime": "k8s.io/cli-runtime@v0.32.13"}


OLDER = "older"  # a tier: the minor version before, for upgrades
KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")


@dataclass(frozen=True)
class Program:
    """One executable.

    name: file name in the cache; module: ``path@version``; package: what is built inside it;
    variables: ``-X`` link values; staging: version for relative ``replace k8s.io/X => ./staging/...``;
    modfile: folder under ``lab/build`` with a go.mod of the lab's, when the module's own cannot serve;
    sums: file under ``lab/build`` with checksums that the checksum database does not answer for;
    drop: requirements that are not served and whose importing files ``overlay`` replaces;
    overlay: path inside the module -> file under ``lab/build`` in its place, or "" to leave the file out;
    replace: versions that replace others that are not served (module path -> ``path@version``);
    tags: Go build tags.
    """

    name: str
    module: str
    package: str = "."
    tier: str = "cluster"
    variables: dict[str, str] = field(default_factory=dict)
    staging: str = ""
    modfile: str = ""
    sums: str = ""
    drop: tuple[str, ...] = ()
    overlay: dict[str, str] = field(default_factory=dict)
    replace: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


def _kubernetes(
    name: str,
    tier: str,
    version: str = versions.KUBERNETES,
    built: str = versions.KUBERNETES_BUILT,
    sums: str = "kubernetes/go.sum",
) -> Program:
    major, minor, patch = version.split(".")
    values = {}
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        values |= {
            f"{package}.gitVersion": f"v{version}",
            f"{package}.gitMajor": major,
            f"{package}.gitMinor": minor,
            f"{package}.gitTreeState": "clean",
            f"{package}.buildDate": built,
        }
    return Program(
        name if version == versions.KUBERNETES else older(name),
        f"k8s.io/kubernetes@v{version}",
        f"./cmd/{name}",
        tier,
        values,
        staging=f"v0.{minor}.{patch}",  # k8s.io/api and its siblings follow Kubernetes' minor and patch
        sums=sums,
        drop=("k8s.io/sample-",),
    )


def older(name: str) -> str:
    """The cache's name of a program of the minor version before."""
    return f"{name}-older"


def _older(name: str) -> Program:
    return _kubernetes(name, OLDER, versions.OLDER, versions.OLDER_BUILT, "kubernetes/older.sum")


def _calico(name: str, package: str) -> Program:
    module = "github.com/projectcalico/calico"
    values = {
        f"{module}/pkg/buildinfo.Version": versions.CALICO_BUILT,
        f"{module}/node/buildinfo.GitVersion": versions.CALICO_BUILT,
        f"{module}/node/pkg/lifecycle/startup.VERSION": versions.CALICO_BUILT,
    }
    return Program(
        name, f"{module}@{versions.CALICO_COMMIT}", f"{module}/{package}", variables=values, modfile="calico"
    )


def _cni(name: str, package: str, version: str = "v1.6.0") -> Program:
    return Program(f"cni-{name}", f"github.com/containernetworking/plugins@{version}", f"./plugins/{package}")


def _vsphere_csi(name: str) -> Program:
    module = "sigs.k8s.io/vsphere-csi-driver/v3"
    values = {f"{module}/pkg/csi/service.Version": "v3.3.1", f"{module}/pkg/syncer.Version": "v3.3.1"}
    return Program(name, f"{module}@v3.3.1", f"./cmd/{name}", variables=values)


def _prometheus(name: str, tier: str = "cluster") -> Program:
    version = {"github.com/prometheus/common/version.Version": "3.13.5"}
    # of its ways to find targets the cluster takes one; the clouds' libraries would take ten minutes to build
    tags = ("remove_all_sd", "enable_kubernetes_sd")
    return Program(name, "github.com/prometheus/prometheus@v0.313.5", f"./cmd/{name}", tier, version, tags=tags)


def _of_prometheus(name: str, module: str, package: str = ".", tier: str = "cluster", **more) -> Program:
    values = {"github.com/prometheus/common/version.Version": module.partition("@v")[2]}
    return Program(name, f"github.com/prometheus/{module}", package, tier, values, **more)


PROGRAMS = [
    # what `make test` needs comes first: it can start while the rest is built
    Program("rke", f"github.com/rancher/rke@{versions.RKE}", tier="test", variables={"main.VERSION": versions.RKE}),
    # what rke would change, by its own code: the tests hold our plan against it
    Program(
        "rke-plan",
        f"github.com/rancher/rke@{versions.RKE}",
        "./rkeplan",
        tier="test",
        overlay={
            "rkeplan/main.go": "rke-plan/main.go",
            "cluster/rke_plan.go": "rke-plan/cluster.go",
            "services/rke_plan.go": "rke-plan/services.go",
        },
    ),
    _kubernetes("kubectl", "test"),
    _kubernetes("kube-apiserver", "test"),
    Program("etcd", f"go.etcd.io/etcd/server/v3@{versions.ETCD}", tier="test"),
    Program("etcdctl", f"go.etcd.io/etcd/etcdctl/v3@{versions.ETCD}", tier="test"),
    _prometheus("promtool", "test"),
    _of_prometheus("amtool", "alertmanager@v0.34.2", "./cmd/amtool", "test"),
    _kubernetes("kubelet", "cluster"),
    _kubernetes("kube-controller-manager", "cluster"),
    _kubernetes("kube-scheduler", "cluster"),
    _kubernetes("kube-proxy", "cluster"),
    Program(
        "cri-dockerd",
        "github.com/Mirantis/cri-dockerd@v0.3.14",
        variables={"github.com/Mirantis/cri-dockerd/cmd/version.Version": "0.3.14"},
    ),
    Program("coredns", f"github.com/coredns/coredns@v{versions.COREDNS}"),
    Program(
        "flanneld",
        f"github.com/flannel-io/flannel@{versions.FLANNEL_BUILT}",
        variables={"github.com/flannel-io/flannel/pkg/version.Version": versions.FLANNEL_BUILT},
        drop=("github.com/tencentcloud/",),
        overlay={
            "pkg/backend/tencentvpc/tencentvpc.go": "flannel/tencentvpc.go",
            "pkg/backend/tencentvpc/tencentvpc_windows.go": "",
            # the udp backend is C: our programs are built without
            "pkg/backend/udp/udp_amd64.go": "flannel/udp.go",
            "pkg/backend/udp/udp_network_amd64.go": "",
            "pkg/backend/udp/cproxy_amd64.go": "",
            "pkg/backend/udp/proxy_amd64.c": "",
            "pkg/backend/udp/proxy_amd64.h": "",
        },
    ),
    _cni("bridge", "main/bridge"),
    _cni("loopback", "main/loopback"),
    _cni("host-local", "ipam/host-local"),
    _cni("portmap", "meta/portmap"),
    _cni("bandwidth", "meta/bandwidth"),
    _cni("tuning", "meta/tuning"),
    _cni("flannel", "meta/flannel", "v0.9.1"),
    _calico("calico-node", "node/cmd/calico-node"),
    _calico("calico-cni", "cni-plugin/cmd/calico"),
    _calico("calico-install", "cni-plugin/cmd/install"),
    _calico("kube-controllers", "kube-controllers/cmd/kube-controllers"),
    _calico("check-status", "kube-controllers/cmd/check-status"),
    Program(
        "metrics-server",
        f"sigs.k8s.io/metrics-server@{versions.METRICS_SERVER}",
        "./cmd/metrics-server",
        variables={
            "sigs.k8s.io/metrics-server/pkg/version.gitVersion": versions.METRICS_SERVER,
            "k8s.io/client-go/pkg/version.gitVersion": versions.METRICS_SERVER,
        },
    ),
    Program("metallb-controller", "go.universe.tf/metallb@v0.15.2", "./controller"),
    Program("metallb-speaker", "go.universe.tf/metallb@v0.15.2", "./speaker"),
    Program(
        "traefik",
        "github.com/traefik/traefik/v3@v3.6.12",
        "./cmd/traefik",
        variables={"github.com/traefik/traefik/v3/pkg/version.Version": "v3.6.12"},
    ),
    Program("versitygw", "github.com/versity/versitygw@v1.8.0", "./cmd/versitygw"),
    Program(
        "velero",
        "github.com/vmware-tanzu/velero@v1.18.3",
        "./cmd/velero",
        variables={"github.com/vmware-tanzu/velero/pkg/buildinfo.Version": "v1.18.3"},
        replace=VELERO_REPLACE,
    ),
    Program(
        "velero-restore-helper",
        "github.com/vmware-tanzu/velero@v1.18.3",
        "./cmd/velero-restore-helper",
        replace=VELERO_REPLACE,
    ),
    # the one that K8up names: it restores through a link, which 0.17 replaces by a folder
    Program("restic", "github.com/restic/restic@v0.16.4", "./cmd/restic"),
    Program("k8up", "github.com/k8up-io/k8up/v2@v2.12.0", "./cmd/k8up", variables={"main.version": "v2.12.0"}),
    Program(
        "vsphere-cloud-controller-manager",
        f"k8s.io/cloud-provider-vsphere@{versions.VSPHERE_CPI}",
        "./cmd/vsphere-cloud-controller-manager",
        variables={"main.version": versions.VSPHERE_CPI},
    ),
    _vsphere_csi("vsphere-csi"),
    _vsphere_csi("syncer"),
    Program(
        "csi-provisioner",
        "github.com/kubernetes-csi/external-provisioner/v5@v5.1.0",
        "./cmd/csi-provisioner",
        variables={"main.version": "v5.1.0"},
    ),
    Program(
        "csi-resizer",
        "github.com/kubernetes-csi/external-resizer@v1.12.0",
        "./cmd/csi-resizer",
        variables={"main.version": "v1.12.0"},
    ),
    _prometheus("prometheus"),
    _of_prometheus(
        "alertmanager",
        "alertmanager@v0.34.2",
        "./cmd/alertmanager",
        overlay={"ui/app/dist/no-pages.txt": "alertmanager/no-pages.txt"},
    ),
    _of_prometheus("node-exporter", "node_exporter@v1.11.1"),
    _of_prometheus("blackbox-exporter", "blackbox_exporter@v0.27.0"),
    Program(
        "kube-state-metrics",
        "k8s.io/kube-state-metrics/v2@v2.13.0",
        variables={"github.com/prometheus/common/version.Version": "v2.13.0"},
    ),
    Program("kube-bench", "github.com/aquasecurity/kube-bench@v0.8.0"),
    Program("prom-label-proxy", "github.com/prometheus-community/prom-label-proxy@v0.11.0"),
]

# built only where they are asked for
OLDER_PROGRAMS = [
    *(_older(name) for name in KUBERNETES),
    *(
        Program(older(name), f"go.etcd.io/etcd/{module}/v3@{versions.OLDER_ETCD}", tier=OLDER)
        for name, module in (("etcd", "server"), ("etcdctl", "etcdctl"))
    ),
]

BY_NAME = {program.name: program for program in [*PROGRAMS, *OLDER_PROGRAMS]}
