"""The lab's images: stock name, folder, programs. The names are those that ``rke config --system-images`` prints."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from labkit import programs, versions

# what the node formulas install on a machine without internet
OFFLINE_PACKAGES = "docker.io"


@dataclass(frozen=True)
class Image:
    """One image.

    name: short name, unique; ref: stock name with tag, as the product asks for it ("": used by the lab itself);
    base: short name of the image it starts from ("": a single program and nothing else); folder: under
    ``lab/images``; programs: of ``programs.py``, cache name -> name in the image; own: of ``lab/tools``;
    user, place: of a single program, as in the stock image; arguments: of the build; wheels: it gets the Salt wheels.
    """

    name: str
    ref: str = ""
    base: str = ""
    folder: str = ""
    programs: dict[str, str] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    user: str = "0"
    place: str = "/"
    arguments: dict[str, str] = field(default_factory=dict)
    wheels: bool = False

    @property
    def single(self) -> str:
        """Name of the one program of an image made of it, "" for others."""
        return "" if self.folder else next(iter([*self.programs.values(), *self.own]))


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


CNI = {
    f"cni-{name}": name for name in ("bridge", "loopback", "host-local", "portmap", "bandwidth", "tuning", "flannel")
}

# in the order of building: the ones that others start from come first
IMAGES = [
    Image("wheels", base="debian", folder="wheels"),
    Image("os", base="debian", folder="os", arguments={"OFFLINE": OFFLINE_PACKAGES}),
    Image("node", base="os", folder="node", own=("mount-nfs",), wheels=True),
    Image("admin", base="node", folder="admin", wheels=True),
    Image("registry", base="debian", folder="registry"),
    Image("nfs", base="debian", folder="nfs"),
    Image("seeder", base="os", folder="seeder"),
    Image("s3", programs=_same("versitygw")),
    Image("base", "saltk8s-lab/client:1", base="debian", folder="base"),
    Image("web", "saltk8s-lab/web:1", own=("web",), user="65534"),
    Image("nginx", "nginx:stable-alpine", base="base", folder="nginx"),
    Image("redis", "redis:7", base="debian", folder="redis"),
    Image("pause", f"rancher/mirrored-pause:{versions.PAUSE}", own=("pause",)),
    Image(
        "hyperkube",
        f"rancher/hyperkube:{versions.HYPERKUBE}",
        base="base",
        folder="hyperkube",
        programs=_same(
            "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"
        ),
    ),
    Image(
        "rke-tools",
        f"rancher/rke-tools:{versions.RKE_TOOLS}",
        base="base",
        folder="rke-tools",
        programs=_same("etcdctl", "etcd", "cri-dockerd"),
        own=("rke-etcd-backup",),
    ),
    Image(
        "etcd",
        f"rancher/mirrored-coreos-etcd:{versions.ETCD}",
        base="base",
        folder="etcd",
        programs=_same("etcd", "etcdctl"),
    ),
    Image("coredns", f"rancher/mirrored-coredns-coredns:{versions.COREDNS}", programs=_same("coredns")),
    Image(
        "autoscaler",
        f"rancher/mirrored-cluster-proportional-autoscaler:{versions.AUTOSCALER}",
        own=("cluster-proportional-autoscaler",),
    ),
    Image(
        "flannel",
        f"rancher/mirrored-flannel-flannel:{versions.FLANNEL}",
        base="base",
        folder="flannel",
        programs=_same("flanneld"),
    ),
    Image(
        "flannel-cni", f"rancher/flannel-cni:{versions.FLANNEL_CNI}", base="base", folder="flannel-cni", programs=CNI
    ),
    Image(
        "calico-cni",
        f"rancher/calico-cni:{versions.CALICO_CNI}",
        base="base",
        folder="calico-cni",
        programs=CNI | {"calico-cni": "calico", "calico-install": "install"},
    ),
    Image(
        "calico-node",
        f"rancher/mirrored-calico-node:{versions.CALICO}",
        base="base",
        folder="calico-node",
        programs=_same("calico-node"),
    ),
    Image(
        "kube-controllers",
        f"rancher/mirrored-calico-kube-controllers:{versions.CALICO}",
        base="debian",
        folder="kube-controllers",
        programs=_same("kube-controllers", "check-status"),
    ),
    Image(
        "metrics-server",
        f"rancher/mirrored-metrics-server:{versions.METRICS_SERVER}",
        programs=_same("metrics-server"),
        user="1000",
    ),
    Image(
        "metallb-controller", "metallb/controller:v0.15.2", programs={"metallb-controller": "controller"}, user="65534"
    ),
    Image("metallb-speaker", "metallb/speaker:v0.15.2", programs={"metallb-speaker": "speaker"}),
    Image("traefik", "traefik:v3.6.12", programs=_same("traefik"), user="65534"),
    Image(
        "velero",
        "velero/velero:v1.18.3",
        base="base",
        folder="velero",
        programs=_same("velero", "velero-restore-helper", "restic"),
    ),
    Image(
        "velero-plugin-for-aws",
        "velero/velero-plugin-for-aws:v1.14.2",
        base="base",
        folder="velero-plugin-for-aws",
        own=("velero-plugin-s3",),
    ),
    Image("k8up", "k8up-io/k8up:v2.12.0", base="base", folder="k8up", programs=_same("k8up", "restic")),
    Image(
        "vsphere-cpi",
        f"cloud-pv-vsphere/cloud-provider-vsphere:{versions.VSPHERE_CPI}",
        programs=_same("vsphere-cloud-controller-manager"),
        user="1001",
    ),
    Image("vsphere-csi", "csi-vsphere/driver:v3.3.1", base="base", folder="vsphere-csi", programs=_same("vsphere-csi")),
    Image("vsphere-syncer", "csi-vsphere/syncer:v3.3.1", programs=_same("syncer"), user="65532"),
    Image("csi-provisioner", "sig-storage/csi-provisioner:v5.1.0", programs=_same("csi-provisioner"), user="65532"),
    Image("csi-resizer", "sig-storage/csi-resizer:v1.12.0", programs=_same("csi-resizer"), user="65532"),
    # the same stand-in three times: their flags tell it which one it is
    Image("csi-attacher", "sig-storage/csi-attacher:v4.8.0", own=("csi-sidecar",), user="65532"),
    Image("csi-registrar", "sig-storage/csi-node-driver-registrar:v2.13.0", own=("csi-sidecar",)),
    Image("csi-livenessprobe", "sig-storage/livenessprobe:v2.15.0", own=("csi-sidecar",), user="65532"),
    Image("prometheus", "prometheus/prometheus:v3.13.5", programs=_same("prometheus"), user="65534", place="/bin/"),
    Image(
        "alertmanager", "prometheus/alertmanager:v0.34.2", programs=_same("alertmanager"), user="65534", place="/bin/"
    ),
    Image("node-exporter", "prometheus/node-exporter:v1.11.1", programs=_same("node-exporter"), user="65534"),
    Image(
        "blackbox-exporter", "prometheus/blackbox-exporter:v0.27.0", programs=_same("blackbox-exporter"), user="65534"
    ),
    Image(
        "kube-state-metrics",
        "kube-state-metrics/kube-state-metrics:v2.13.0",
        programs=_same("kube-state-metrics"),
        user="65534",
    ),
    Image(
        "prom-label-proxy",
        "prometheuscommunity/prom-label-proxy:v0.11.0",
        programs=_same("prom-label-proxy"),
        user="65534",
    ),
    Image("nfs-subdir", "sig-storage/nfs-subdir-external-provisioner:v4.0.2", own=("nfs-provisioner",)),
]

BY_NAME = {image.name: image for image in IMAGES}


def _older(name: str, ref: str, *built: str) -> Image:
    """An image of the minor version before: the same under its own tag, with those programs that are built for it."""
    image = BY_NAME[name]
    named = {programs.older(one) if one in built else one: target for one, target in image.programs.items()}
    return replace(image, name=programs.older(name), ref=ref, programs=named)


# what differs in the list that RKE has of both versions; only where it is asked for, because it takes long to build
OLDER = [
    _older("hyperkube", f"rancher/hyperkube:{versions.OLDER_HYPERKUBE}", *programs.KUBERNETES),
    _older("etcd", f"rancher/mirrored-coreos-etcd:{versions.OLDER_ETCD}", "etcd", "etcdctl"),
    _older("flannel", f"rancher/mirrored-flannel-flannel:{versions.OLDER_FLANNEL}"),
    _older("metrics-server", f"rancher/mirrored-metrics-server:{versions.OLDER_METRICS_SERVER}"),
]
WANTS_OLDER = bool(os.environ.get("SALTK8S_LAB_OLDER"))
if WANTS_OLDER:
    IMAGES += OLDER
BY_NAME |= {image.name: image for image in OLDER}


def published() -> list[Image]:
    """The images that the registry serves."""
    return [image for image in IMAGES if image.ref]


def seeded() -> list[Image]:
    """Those that the nodes' image store begins with: the same whether the older ones are asked for or not."""
    return [image for image in published() if image not in OLDER]
