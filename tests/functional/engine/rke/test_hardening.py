"""What the rendered ``cluster.yml`` gives the API server, on a real one: its issuers and its admission."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request

import yaml
from saltk8s.engine.rke import cluster_yml
from tests.support import pillars
from tests.support import rke as sample

URL = "https://kubernetes.default.svc.cluster.local"


def _pod(name: str, privileged: bool) -> dict:
    container = {"name": "c", "image": "registry.example/c:1", "securityContext": {"privileged": privileged}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}


def _token(server) -> str:
    return server.kubectl("create", "token", "default", "-n", "default").strip()


def _issuer(token: str) -> str:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["iss"]


def _status(server, token: str) -> int:
    request = urllib.request.Request(f"{server.url}/api/v1/nodes", headers={"Authorization": f"Bearer {token}"})
    context = ssl._create_unverified_context()  # noqa: S323  a server of this test
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            return answer.status
    except urllib.error.HTTPError as err:
        return err.code


def test_issuers_and_admission(own_apiserver, tmp_path):
    api = cluster_yml.build(sample.model({"nodes": sample.three_nodes()}))["services"]["kube-api"]
    server = own_apiserver
    server.kubectl("create", "serviceaccount", "default", "-n", "default")
    server.kill()
    server.issuers = ["rke"]
    server.start_apiserver()
    before = _token(server)
    assert (_issuer(before), _status(server, before)) == ("rke", 403)

    # rke writes the flags that are given once before those that are given several times, and both plugins into one file
    flag = "service-account-issuer"
    server.issuers = [api["extra_args"][flag], *api["extra_args_array"][flag]]
    admission = pillars.merge(api["admission_configuration"], {})
    admission["plugins"].append({"name": "EventRateLimit", "configuration": api["event_rate_limit"]["configuration"]})
    path = tmp_path / "admission.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(admission))))
    server.arguments = [f"--admission-control-config-file={path}", "--enable-admission-plugins=EventRateLimit"]
    server.kill()
    server.start_apiserver()
    after = _token(server)
    assert _issuer(after) == URL
    assert [_status(server, token) for token in (before, after)] == [403, 403], "known, and allowed nothing"
    assert _status(server, "x.y.z") == 401

    server.kubectl("create", "namespace", "plain")
    server.kubectl("create", "namespace", "labelled")
    server.kubectl("label", "namespace", "labelled", "pod-security.kubernetes.io/enforce=privileged")
    for space, privileged, admitted in (
        ("plain", False, True),
        ("plain", True, False),
        ("labelled", True, True),
        ("kube-system", True, True),
    ):
        text = json.dumps(_pod(f"p-{privileged}".lower(), privileged))
        said = server.kubectl("create", "-n", space, "-f", "-", stdin=text, check=False)
        assert bool(said) is admitted, (space, privileged)
