"""HTTP proxies: what passes them, what does not, and in whose words."""

from __future__ import annotations

import copy

import pytest
from saltk8s.base.errors import ConfigError
from saltk8s.nodes import docker, proxy
from tests.support import pillars, takeover

URL = "http://proxy.example:3128"
TREE = {
    "cluster": {"name": "osug", "version": "v1.32.6-rancher1-1", "dns_domain": "k8s.local"},
    "registry": {"url": "registry.example:5000/k8s"},
    "nodes": {
        "cp1": {"roles": ["controlplane", "etcd", "worker"], "address": "10.20.0.11/24"},
        "w1": {"roles": ["worker"], "address": "10.20.0.21/24", "internal_address": "192.168.7.21"},
    },
    "proxy": {"http": URL, "https": URL, "no_proxy": [".site.example", "mirror.example"]},
}


def model(over=None):
    return takeover.complete(takeover.site(pillars.merge(TREE, over or {})))


def problems(over):
    with pytest.raises(ConfigError) as caught:
        model(over)
    return {problem.path: problem.expected for problem in caught.value.problems}


def test_the_cluster_is_reached_without_it():
    assert proxy.past(model()) == [
        ".site.example",
        "mirror.example",
        "localhost",
        "127.0.0.0/8",
        "10.42.0.0/16",
        "10.43.0.0/16",
        ".svc",
        ".k8s.local",
        "10.20.0.0/24",
        "192.168.7.21",
        "registry.example",
    ]


def test_docker_reads_it_in_its_daemon_json():
    proxies = docker.daemon(model())["proxies"]
    assert proxies["http-proxy"] == proxies["https-proxy"] == URL
    assert proxies["no-proxy"].split(",") == proxy.past(model())
    assert "proxies" not in docker.daemon(model({"proxy": None}))


def test_a_node_more_in_the_same_network_changes_nothing_on_the_others():
    more = {"nodes": {"w2": {"roles": ["worker"], "address": "10.20.0.22/24"}}}
    assert docker.daemon(model(more)) == docker.daemon(model())


def test_apt_and_salt_know_hosts_only():
    lines = proxy.apt(model())
    assert lines[0] == f'Acquire::http::Proxy "{URL}";'
    assert 'Acquire::https::Proxy::mirror.example "DIRECT";' in lines
    assert not any("/24" in line or "::." in line for line in lines)
    assert proxy.salt(model()) == {
        "proxy_host": "proxy.example",
        "proxy_port": 3128,
        "no_proxy": ["mirror.example", "localhost", "192.168.7.21", "registry.example"],
    }


def test_one_of_the_two_is_enough():
    tree = copy.deepcopy(TREE)
    del tree["proxy"]["https"]
    built = takeover.complete(takeover.site(tree))
    assert proxy.dnf(built) == [f"proxy={URL}"]
    assert "https-proxy" not in docker.daemon(built)["proxies"]
    assert not any("https" in line for line in proxy.apt(built))
    assert "k8s:proxy" in problems({"proxy": {"http": None, "https": None}})


@pytest.mark.parametrize("url", ["http://user:canary@proxy:3128", "proxy:3128", "https://proxy", "http://proxy/path"])
def test_other_urls_are_refused(url):
    assert "k8s:proxy:http" in problems({"proxy": {"http": url}})


@pytest.mark.parametrize("version", ["20.10", "5:20.10"])
def test_a_docker_that_would_not_read_it_is_refused(version):
    assert "23.0 or newer" in problems({"docker": {"version": version}})["k8s:docker:version"]
