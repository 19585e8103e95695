"""What Salt Cloud reads, from the model: provider, profiles (one a shape) and map (one entry a VM).

Only keys that both drivers support are used: ``saltext.vcf-cloud`` on Salt 3008 and the ``vmware`` driver of Salt 3006.
The exception is ``tags``, which the latter ignores. Everything is data, dumped as YAML at the end, so that no value of
the pillar can become YAML or Jinja syntax.
"""

from __future__ import annotations

import ipaddress
import posixpath
from typing import Any

import yaml

DEPLOY_SCRIPT = "k8s-minion"
PARTS = ("provider", "profiles", "map", "conf")
HEADER = "Written by the state k8s.cloud from the pillar k8s:cloud and k8s:nodes; changes here are overwritten."


def provider(model: dict) -> dict[str, dict]:
    """The vCenter as a Salt Cloud provider, named after the cluster.

    model: the validated model with a ``cloud`` section. Returns ``{cluster: {driver, url, user, password, ...}}``: it
    holds the password of the vCenter.
    """
    cloud = model["cloud"]
    given, finger = cloud["provider"], cloud["master_finger"]
    entry = {
        "driver": given["driver"],
        "url": given["url"],
        "port": given["port"],
        "protocol": "https",
        "user": given["user"],
        "password": given["password"],
        "verify_ssl": given["verify_ssl"],
        "minion": {"master": cloud["master"]} | ({"master_finger": finger} if finger else {}),
    }
    if any(shape["tags"] for shape in cloud["shapes"].values()):
        entry["create_missing_tags"] = True
    return {model["cluster"]["name"]: entry}


def profiles(model: dict) -> dict[str, dict]:
    """One Salt Cloud profile a VM shape.

    model: the validated model with a ``cloud`` section. Returns ``{<cluster>-<shape>: profile}``; sizes as Salt Cloud
    writes them (memory ``8GB``, disks in GiB).
    """
    return {profile_name(model, shape): _profile(model, shape) for shape in model["cloud"]["shapes"]}


def vm_map(model: dict) -> dict[str, list[dict]]:
    """The map of the cluster's VMs: what differs between VMs of the same shape.

    model: the validated model. Returns ``{profile: [{node: overrides}]}``. Nodes without a shape are machines that
    exist already; they are not in the map.
    """
    entries: dict[str, list[dict]] = {}
    for name, node in model["nodes"].items():
        if node["shape"]:
            overrides = _addressing(node, model["cloud"]["shapes"][node["shape"]]) | {"minion": {"id": name}}
            entries.setdefault(profile_name(model, node["shape"]), []).append({name: overrides})
    return entries


def conf(model: dict) -> dict[str, Any]:
    """Settings of Salt Cloud itself: a new minion gets the custom modules before Salt Cloud ends.

    Without them its first ``state.apply k8s`` could not even be rendered. Salt Cloud ignores this key in profiles.
    Returns an empty dict when it does not install the minion, because waiting for the minion would time out.
    """
    return {"sync_after_install": "all"} if any(key_texts(model).values()) else {}


def key_texts(model: dict) -> dict[str, str]:
    """The private keys that Salt Cloud logs in with: ``{path: text}``, to be readable by root only."""
    return {
        _key_path(model, name): shape["ssh_private_key"]
        for name, shape in model["cloud"]["shapes"].items()
        if shape["ssh_private_key"]
    }


def text(model: dict, part: str) -> str:
    """The content of one configuration file.

    part: one of ``provider``, ``profiles``, ``map``, ``conf``. Returns YAML with a comment on top; that of
    ``provider`` holds a password. Raises KeyError for another part.
    """
    render = {"provider": provider, "profiles": profiles, "map": vm_map, "conf": conf}[part]
    content = yaml.safe_dump(render(model), sort_keys=False, default_flow_style=False, allow_unicode=True, width=4096)
    # Salt Cloud renders a map with Jinja unless the first line says otherwise
    shebang = "#!yaml\n" if part == "map" else ""
    return f"{shebang}# {HEADER}\n{content}"


def profile_name(model: dict, shape: str) -> str:
    """Name of a shape's profile: the cluster's name keeps those of several clusters apart."""
    return f"{model['cluster']['name']}-{shape}"


def _key_path(model: dict, shape: str) -> str:
    """The file of a shape's private key; a shape with a different key has its own file."""
    cloud, name = model["cloud"], model["cluster"]["name"]
    if cloud["shapes"][shape]["ssh_private_key"] != cloud["defaults"]["ssh_private_key"]:
        name = profile_name(model, shape)
    return posixpath.join(cloud["config_dir"], "cloud.keys.d", f"{name}.pem")


def _profile(model: dict, name: str) -> dict[str, Any]:
    shape = model["cloud"]["shapes"][name]
    places = ("datacenter", "cluster", "resourcepool", "datastore", "folder", "domain")
    profile = {
        "provider": model["cluster"]["name"],
        "clonefrom": shape["template"],
        **{key: shape[key] for key in places if shape[key]},
        "num_cpus": shape["cpus"],
        "memory": f"{shape['memory_gib']}GB",
        "devices": {"network": _networks(shape), "disk": _disks(shape)},
        "template": False,
        "power_on": True,
        "customization": True,
    }
    if shape["hot_add"]:
        profile |= {"cpu_hot_add": True, "mem_hot_add": True}
    if shape["tags"]:
        profile["tags"] = [{"category": category, "name": tag} for category, tag in shape["tags"].items()]
    return profile | _installation(model, name)


def _installation(model: dict, name: str) -> dict[str, Any]:
    """How the minion gets its keys and its configuration: over SSH, or not from Salt Cloud."""
    shape = model["cloud"]["shapes"][name]
    if not shape["ssh_private_key"]:
        return {"deploy": False}
    return {
        "deploy": True,
        "script": shape["deploy_script"] or DEPLOY_SCRIPT,
        "ssh_username": shape["ssh_user"],
        "private_key": _key_path(model, name),
        **({} if shape["ssh_user"] == "root" else {"sudo": True}),
    }


def _networks(shape: dict) -> dict[str, dict]:
    names, kind = [shape["network"], *shape["networks"]], shape["switch_type"]
    return {f"Network adapter {number}": {"name": name, "switch_type": kind} for number, name in enumerate(names, 1)}


def _disks(shape: dict) -> dict[str, dict]:
    first = {"Hard disk 1": {"size": shape["disk_gib"]}}  # grown from the template's, so as thick or thin as that
    return first | {
        f"Hard disk {number}": {"size": gib, "thin_provision": True}
        for number, gib in enumerate(shape["extra_disks_gib"], 2)
    }


def _addressing(node: dict, shape: dict) -> dict[str, Any]:
    """The static address of a VM; without one its first interface uses DHCP, which needs no entry."""
    if node["address"] == "dhcp":
        return {}
    interface = ipaddress.ip_interface(node["address"])
    adapter: dict[str, Any] = {"ip": str(interface.ip), "subnet_mask": str(interface.netmask)}
    if shape["gateway"]:
        adapter["gateway"] = [shape["gateway"]]
    addressing: dict[str, Any] = {"devices": {"network": {"Network adapter 1": adapter}}}
    if shape["dns"]:
        addressing["dns_servers"] = list(shape["dns"])
    return addressing
