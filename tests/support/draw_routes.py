"""Draw what a tenant may try for another's host: rules, paths and annotations that Traefik reads, as objects.

The tenant has ``*.resif.osug.example``. Most of what is drawn is nearly right, because what is far off proves little.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st
from tests.support.traefik import obj

OWN = ("a.resif.osug.example", "B.Resif.osug.example", "x.y.resif.osug.example", "oHosthmcv.resif.osug.example")
OTHERS = (
    *("www.osug.example", "ohmcv.osug.example", "resif.osug.example", "evilresif.osug.example", "osug.example"),
    *("wHostww.osug.example", "www.osug.example.", "data.osug.example"),
)
PREFIX = "traefik.ingress.kubernetes.io/"
KEYS = (
    *("router.pathmatcher", "router.rulesyntax", "router.priority", "router.entrypoints", "router.middlewares"),
    *("router.tls", "router.tls.options", "router.tls.domains.0.main", "router.tls.certresolver", "router.anything"),
)
RIGHT = {
    "router.pathmatcher": "PathRegexp",
    "router.priority": "100000",
    "router.entrypoints": "websecure",
    "router.tls": "true",
}
# what a rule may be mutated with
PIECES = (
    *("Host(`www.osug.example`)", "PathPrefix(`/`)", "HostRegexp(`.*`)", "HostRegexp(`^.+$`)", "Path(`/`)"),
    *(" || ", " && ", "!", "(", ")", "`", '"', "\\", ",", " ", "\n", "\t", "/*", "*/", "//", "Host", "HostSNI", "."),
    *("{sub:.+}", "`,`www.osug.example`", "\u017f", "\u200b", "%00", "www.osug.example", "Method(`GET`)", "true"),
)
MATCHERS = (
    *("Path", "PathPrefix", "PathRegexp", "pathprefix", "Host", "PathPrefix(`/`) || Host(`www.osug.example`) && Path"),
)
PATHS = ("/", "/a", "/`) || Host(`www.osug.example", '/") || Host("www.osug.example', "/.*", "/{a:.*}")
CONDITIONS = (
    *("PathPrefix(`/`)", 'Path("/a")', "!Path(`/b`)", "Header(`X-A`, `b`)", "!Header(`X-A`,`b`)", "Method(`GET`)"),
    *("PathRegexp(`.*`)", "Query(`a`)", "ClientIP(`0.0.0.0/0`)", "(Path(`/`) || PathPrefix(`/`))", "!Method(`PUT`)"),
)


def _mixed(draw: Any, text: str) -> str:
    """The text, sometimes in other letters."""
    how = draw(st.sampled_from([str, str, str, str, str.upper, str.swapcase, str.title]))
    return how(text)


def _host(draw: Any) -> str:
    quote = draw(st.sampled_from(["`"] * 6 + ['"', '"', "'"]))
    name = draw(st.sampled_from(OWN * 12 + OTHERS))
    word = draw(st.sampled_from(["Host"] * 20 + ["host", "HOST", "HostSNI", "HostRegexp"]))
    return f"{word}({quote}{name}{quote})"


def _of_the_form(draw: Any) -> str:
    """A rule as the policy wants it: hosts, then conditions."""
    names = [f"Host(`{draw(st.sampled_from(OWN * 4 + OTHERS))}`)" for _ in range(draw(st.integers(1, 2)))]
    conditions = [draw(st.sampled_from(CONDITIONS)) for _ in range(draw(st.integers(0, 2)))]
    return " && ".join([f"({' || '.join(names)})" if len(names) > 1 else names[0], *conditions])


def _free(draw: Any) -> str:
    """Hosts and conditions in any order."""
    parts = [_host(draw)]
    for _ in range(draw(st.integers(0, 3))):
        parts.append(draw(st.sampled_from([" && ", " && ", " || ", "&&", "||", " "])))
        parts.append(_host(draw) if draw(st.booleans()) else draw(st.sampled_from(CONDITIONS)))
    text = "".join(parts)
    return draw(st.sampled_from([text, f"({text})", text.replace(parts[0], f"({parts[0]})", 1)]))


def rule(draw: Any) -> str:
    """A rule of an IngressRoute, some of them with other pieces in it."""
    text = draw(st.sampled_from([_of_the_form, _of_the_form, _free]))(draw)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.sampled_from([0, 0, 1, 3]))
        text = text[:at] + draw(st.sampled_from(PIECES)) + text[at + cut :]
    return text


def ingress_route(draw: Any, name: str, space: str) -> dict[str, Any]:
    """An IngressRoute to the namespace's service."""
    one: dict[str, Any] = {"match": rule(draw), "services": [{"name": "site", "port": 80, "nodePortLB": True}]}
    if draw(st.booleans()):
        one["priority"] = draw(st.sampled_from([1, 1000, 100000]))
    syntax = draw(st.sampled_from([""] * 6 + ["v3", "v2", "default"]))
    one |= {"syntax": syntax} if syntax else {}
    spec: dict[str, Any] = {"routes": [one]}
    if draw(st.booleans()):
        spec["entryPoints"] = draw(
            st.sampled_from([["websecure"]] * 3 + [["web", "websecure"], ["metrics", "websecure"]])
        )
    return obj("IngressRoute", name, space, spec)


def ingress(draw: Any, name: str, space: str) -> dict[str, Any]:
    """An Ingress to the namespace's service, with annotations."""
    keys = draw(st.sampled_from([*[[]] * 6, [KEYS[0], KEYS[2]], *([key] for key in KEYS)]))
    annotations = {}
    for key in keys:
        written = _mixed(draw, key)
        if draw(st.integers(0, 3)) == 0:
            written = written.replace("matcher", "Matcher").replace("syntax", "Syntax")
        wrong = [*MATCHERS, *PIECES, "v2", f"{space}-m@kubernetescrd", "ist-web-m@kubernetescrd"]
        right = key in RIGHT and draw(st.booleans())
        annotations[PREFIX + written] = RIGHT[key] if right else draw(st.sampled_from(wrong))
    path = draw(st.sampled_from(PATHS[:2] * 5 + PATHS))
    kind = draw(st.sampled_from(["Prefix", "Exact", "ImplementationSpecific", "ImplementationSpecific"]))
    backend = {"service": {"name": "site", "port": {"number": 80}}}
    one: dict[str, Any] = {"http": {"paths": [{"path": path, "pathType": kind, "backend": backend}]}}
    host = draw(st.sampled_from([*OWN[:1] * 4, "*.resif.osug.example", "www.osug.example", "*.osug.example", ""]))
    one |= {"host": host} if host else {}
    return obj("Ingress", name, space, {"rules": [one]}, "networking.k8s.io/v1", annotations=annotations)


def one(draw: Any, name: str, space: str) -> dict[str, Any]:
    """An object of either kind."""
    maker = draw(st.sampled_from([ingress_route, ingress]))
    return maker(draw, name, space)


def hosts(found: list[dict[str, Any]]) -> list[str]:
    """All host names in the text of the objects that are not the tenant's, and those of others."""
    text = " ".join(str(one["spec"]) + str(one["metadata"].get("annotations")) for one in found)
    names = {name.lower().rstrip(".") for name in re.findall(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.example", text)}
    names |= {name.lower().rstrip(".") for name in OTHERS} | {"nobody.example"}
    return sorted(name for name in names if not name.endswith(".resif.osug.example"))
