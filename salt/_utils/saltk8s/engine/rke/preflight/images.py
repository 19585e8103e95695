"""Whether the site's registry has the images of another Kubernetes version: asked as Docker asks before it pulls."""

from __future__ import annotations

import base64
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

TIMEOUT_S = 10
PARALLEL = 8
_FORMS = ", ".join(
    f"application/vnd.{one}+json"
    for one in (
        "docker.distribution.manifest.v2",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "oci.image.index.v1",
    )
)
_PART = re.compile(r'(\w+)="([^"]*)"')


class Unknown(Exception):
    """The registry did not say whether it has an image."""


def missing(images: Iterable[str], registry: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return (the images that the registry lacks, why it could not be asked for others).

    images: under their stock names; registry: the model's, with its password. Nothing is pulled.
    """
    asked = _Registry(registry)
    names = list(images)
    with ThreadPoolExecutor(min(PARALLEL, len(names) or 1)) as pool:
        answers = list(pool.map(asked.has, names))
    reasons = sorted({str(answer) for answer in answers if isinstance(answer, Unknown)})
    return [f"{asked.url}/{name}" for name, answer in zip(names, answers, strict=True) if answer is False], reasons


class _Registry:
    def __init__(self, registry: Mapping[str, Any]):
        self.url = str(registry["url"]).rstrip("/")
        self._host, _, self._folder = self.url.partition("/")
        self._insecure = bool(registry.get("insecure"))
        user, password = registry.get("username"), registry.get("password")
        words = base64.b64encode(f"{user}:{password}".encode()).decode() if user and password else ""
        self._basic = f"Basic {words}" if words else ""
        context = ssl.create_default_context()
        if registry.get("ca"):
            context.load_verify_locations(cadata=registry["ca"])
        if self._insecure:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._context = context

    def has(self, image: str) -> bool | Unknown:
        """Return whether it has an image, or why that is not known."""
        name, _, tag = image.partition(":")
        path = "/".join(filter(None, (self._folder, name)))
        try:
            return self._has(f"/v2/{path}/manifests/{tag}")
        except Unknown as err:
            return err

    def _has(self, path: str) -> bool:
        for scheme in ("https", "http") if self._insecure else ("https",):
            try:
                return self._status(f"{scheme}://{self._host}{path}") == 200
            except OSError as err:
                reason = getattr(err, "reason", err)
        raise Unknown(f"{self._host} does not answer: {reason}")

    def _status(self, url: str) -> int:
        status, asks = self._ask(url, "")
        if status == 401 and asks:
            login = self._basic if asks.lower().startswith("basic") else self._bearer(asks)
            status, _ = self._ask(url, login)
        if status in (200, 404):
            return status
        said = "denies the login of k8s:registry" if status in (401, 403) else f"answers with status {status}"
        raise Unknown(f"{self._host} {said}")

    def _ask(self, url: str, login: str) -> tuple[int, str]:
        request = urllib.request.Request(url, method="HEAD", headers={"Accept": _FORMS})
        if login:
            request.add_unredirected_header("Authorization", login)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._context) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as err:
            return err.code, err.headers.get("WWW-Authenticate") or ""

    def _bearer(self, asks: str) -> str:
        """Return the token that a registry's own server gives for what it asks."""
        parts = dict(_PART.findall(asks))
        query = urllib.parse.urlencode({key: parts[key] for key in ("service", "scope") if key in parts})
        request = urllib.request.Request(f"{parts.get('realm', '')}?{query}")
        if self._basic:
            request.add_unredirected_header("Authorization", self._basic)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._context) as answer:
                found = json.load(answer)
        except (urllib.error.HTTPError, ValueError) as err:
            raise Unknown(f"{self._host} denies the login of k8s:registry") from err
        return f"Bearer {found.get('token') or found.get('access_token') or ''}"
