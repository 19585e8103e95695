"""What the rendered cluster.yml closes, on the running cluster: issuer of tokens, a pod's processes, Pod Security."""

from __future__ import annotations

import base64
import json

from manifests import client, listing


def test_tokens_name_an_issuer_that_others_can_verify(lab, namespace):
    token = lab.kubectl("-n", namespace, "create", "token", "default").strip()
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["iss"] == "https://kubernetes.default.svc.cluster.local"
    published = json.loads(lab.kubectl("get", "--raw", "/.well-known/openid-configuration"))
    assert published["issuer"] == claims["iss"] and published["jwks_uri"].endswith("/openid/v1/jwks")


def test_a_pod_has_a_limit_of_processes_and_its_kubelet_a_certificate_of_the_cluster(lab, namespace):
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(client("one", "k8s-w1")))
    lab.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/one", "--timeout=120s")
    uid = lab.kubectl("-n", namespace, "get", "pod", "one", "-o", "jsonpath={.metadata.uid}").strip()
    limits = lab.ssh("k8s-w1", f"find /sys/fs/cgroup -path '*pod{uid}/pids.max' -exec cat {{}} +")
    assert "4096" in limits.split()
    # the API server verifies the kubelet now, and still reaches it
    assert lab.kubectl("-n", namespace, "exec", "one", "--", "echo", "hello").strip() == "hello"


def test_a_namespace_without_a_label_is_baseline(lab):
    pod = client("root", "k8s-w1")
    pod["spec"]["hostNetwork"] = True
    text = json.dumps(pod)
    try:
        lab.kubectl("create", "namespace", "e2e-unlabelled")
        said = lab.kubectl("-n", "e2e-unlabelled", "create", "-f", "-", stdin=text, check=False)
        assert "created" not in said
    finally:
        lab.kubectl("delete", "namespace", "e2e-unlabelled", "--ignore-not-found", "--wait=false")
