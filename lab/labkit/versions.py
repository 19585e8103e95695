"""The versions of Kubernetes and of RKE that the lab, the tests and the benchmark run. Named here and nowhere else.

For the next Kubernetes, in this order:

- these constants, from ``rke config --list-version --all`` and ``rke config --system-images --version VERSION``;
- ``pillar.example/k8s/cluster.sls``, which stays literal (``tests/unit/lab/test_versions.py`` compares);
- for a new minor version, what services go with: ``TABLE`` in
  ``salt/_utils/saltk8s/pillar/vocabulary/compatible.py`` and vSphere's ``cpi_version`` in ``salt/k8s/defaults.yaml``
  (the table in ``docs/services/vsphere.md`` says the same), the APIs that it removes (``TABLE`` in
  ``salt/_utils/saltk8s/kubectl/upgrade/removed_apis.py``), and the checksums of its new dependencies, in
  ``lab/build/kubernetes``;
- the golden files: ``SALTK8S_WRITE_GOLDEN=1 pytest tests/unit/engine/rke/test_cluster_yml.py``.

Test data about versions themselves (upgrades, rejected versions: ``tests/cases/engine/rke/``) keeps literal ones.
"""

from __future__ import annotations

KUBERNETES = "1.32.6"
KUBERNETES_BUILT = "2025-06-17T00:00:00Z"  # release date: linked into the programs
KUBECTL = f"v{KUBERNETES}"
HYPERKUBE = f"v{KUBERNETES}-rancher1"  # tag of the image with Kubernetes' programs
CLUSTER = f"v{KUBERNETES}-rancher1-1"  # RKE's name for all of it: the pillar's k8s:cluster:version

RKE = "v1.8.5"
# of the system images that this RKE deploys with this Kubernetes
RKE_TOOLS = "v0.1.114"
ETCD = "v3.5.16"
COREDNS = "1.11.3"
AUTOSCALER = "v1.9.0"
PAUSE = "3.7"
FLANNEL = "v0.26.4"
FLANNEL_CNI = "v1.4.1-rancher1"
CALICO = "v3.30.2"
CALICO_CNI = "v3.30.2-rancher1"
METRICS_SERVER = "v0.7.2"

# the minor version before, for upgrades: only where the lab is asked for it (SALTK8S_LAB_OLDER=1, lab/README.md)
OLDER = "1.31.4"  # the newest of it of which the Go module proxy serves every part
OLDER_BUILT = "2024-12-10T00:00:00Z"
OLDER_HYPERKUBE = "v1.31.10-rancher1"  # the tag that RKE asks for
OLDER_CLUSTER = "v1.31.10-rancher1-1"
OLDER_ETCD = "v3.5.15"
OLDER_FLANNEL = "v0.25.1"
OLDER_METRICS_SERVER = "v0.7.1"

VSPHERE_CPI = "v1.31.0"  # released for one minor version of Kubernetes; defaults.yaml has the same

# the releases nearest to those that the Go module proxy serves; see lab/README.md, "What is real"
FLANNEL_BUILT = "v0.28.4"
CALICO_BUILT = "v3.30.1"
CALICO_COMMIT = "v0.0.0-20250529224300-393b14e729a6"  # of CALICO_BUILT
