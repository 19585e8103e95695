"""Model, cluster.yml and cloud map for 100 nodes, from a cold start: prints {wall_s, cpu_s, peak_mib} as JSON."""

from __future__ import annotations

import json
import pathlib
import resource
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "salt" / "_utils"), str(ROOT)]


def nodes() -> dict[str, dict]:
    """100 declared nodes: three control planes, 97 workers."""
    control = {
        f"k8s-cp{n}": {"roles": ["controlplane", "etcd"], "shape": "control", "address": f"10.20.0.{10 + n}/24"}
        for n in range(1, 4)
    }
    workers = {
        f"k8s-w{n}": {"roles": ["worker"], "shape": "worker", "address": f"10.20.0.{20 + n}/24"} for n in range(1, 98)
    }
    return control | workers


def main() -> None:
    """Do the work of one state run on the admin, and measure it."""
    from tests.support import pillars

    pillar = pillars.full() | {"nodes": nodes()}
    start, cpu = time.perf_counter(), time.process_time()
    from saltk8s.cloud import salt_cloud
    from saltk8s.engine.rke import cluster_yml
    from saltk8s.pillar import model

    built = model.build(pillars.defaults(), pillar)
    cluster = cluster_yml.text(cluster_yml.build(built))
    maps = [salt_cloud.text(built, part) for part in ("provider", "profiles", "map")]
    measured = {
        "wall_s": time.perf_counter() - start,
        "cpu_s": round(time.process_time() - cpu, 3),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    assert cluster.count("hostname_override") == 100
    assert maps[2].count("k8s-w") >= 97
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
