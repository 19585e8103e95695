"""How users authenticate to the API server (``k8s:authentication``), and manifests of the site (``k8s:extra``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.types import Bool, Key, Path, Report, Section, Text, Type

_Claim = Text("a claim's name, such as groups", r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*", 128, doc="claim")
_Prefix = Text("a text without blanks, such as oidc:", r"[A-Za-z0-9][A-Za-z0-9_.:/#-]*", 64, doc="text")
_Issuer = Text(
    "the issuer's https:// URL: the iss claim of its tokens",
    r"https://[^\s/?#@]+(/[^\s?#]*)?",
    doc="https:// URL",
)

AUTHENTICATION = Section(
    {
        "oidc": Key(
            Section(
                {
                    "issuer": Key(
                        _Issuer,
                        "The issuer URL: the `iss` claim of its tokens.",
                        True,
                        "https://sso.osug.example",
                    ),
                    "client_id": Key(values.Word, "The client ID: the `aud` claim of its tokens.", True, "k8s"),
                    "username_claim": Key(_Claim, "The claim that holds the user's name."),
                    "username_prefix": Key(_Prefix, "Prefix of user names, so that none is a system user's."),
                    "groups_claim": Key(_Claim, "The claim that holds the user's groups."),
                    "groups_prefix": Key(
                        _Prefix,
                        "Prefix of group names, so that none is `system:masters`. `k8s:tenants` names groups "
                        "without it.",
                    ),
                    "ca": Key(
                        values.Certificate,
                        "The provider's CA certificate, in PEM. Without it, the CAs that the API server's image "
                        "trusts.",
                    ),
                },
                optional=True,
            ),
            "Login through an OpenID Connect provider. Without it, with ServiceAccount tokens only.",
        )
    }
)


_JINJA = Key(Bool(), "Whether the files are rendered with Jinja; `false` takes them as they are.")


class ObjectSource(Type):
    """Where further manifests are: a URL or path, or a map of it, a web server's file's checksum, and ``jinja``.

    In the model always a map: ``source``, ``sha256`` or None, and ``jinja``.
    """

    doc = (
        "salt:// URL or absolute path of a folder or file; or a map with `source`, `sha256` (of an https:// file) and "
        "`jinja` (`false`: the files are no templates)"
    )
    _local = Text(
        "a folder or file as salt:// URL or absolute path, without *; for https:// a map with source and sha256",
        r"(salt://|/)[^\s*?\[\]]+",
    )
    _local_map = Section({"source": Key(_local, "The folder or file.", True), "jinja": _JINJA})
    _web = Section(
        {
            "source": Key(
                Text("the https:// URL of a file", r"https://(?![^/\s]*@)\S+", doc="https:// URL"), "The file.", True
            ),
            "sha256": Key(values.Sha256, "Its checksum.", True),
            "jinja": _JINJA,
        }
    )

    def check(self, value: Any, default: Any, path: Path, report: Report) -> Any:
        """Return ``{source, sha256, jinja}``, None with a problem in the report when it is none of the forms."""
        if isinstance(value, Mapping):
            if str(value.get("source")).startswith(("salt://", "/")):
                return {"sha256": None} | self._local_map.check(value, {"jinja": True}, path, report)
            return self._web.check(value, {"jinja": True}, path, report)
        if not isinstance(value, str):
            return report.add(path, self._local.expected, redact.show(value))
        found = self._local.check(value, None, path, report)
        return {"source": found, "sha256": None, "jinja": True} if found else None
