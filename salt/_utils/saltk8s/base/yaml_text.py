"""YAML: written so that every reader reads it alike, and read fast.

PyYAML writes ``1e3`` or ``y`` bare, and Go's YAML reads no text in them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    _Base = yaml.SafeDumper
else:
    _Base = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

# what YAML 1.1 or 1.2 reads as something else than text, or may
_AMBIGUOUS = re.compile(
    r"y|n|yes|no|on|off|true|false|null|~|=|<<|"
    r"[-+]?\.?[0-9][0-9_]*(\.[0-9_]*)?(e[-+]?[0-9_]+)?|[-+]?0[xob][0-9a-f_]+|[-+]?\.(inf|nan)|"
    r"[-+]?[0-9][0-9_]*(:[0-9_]+)+(\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*",
    re.IGNORECASE,
)


class _Dumper(_Base):
    """Texts that look like something else are quoted; no anchors, which are hard to read in a ConfigMap."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, data: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="'" if _AMBIGUOUS.fullmatch(data) else None)


_Dumper.add_representer(str, _text)


def dump(data: Any, width: int = 120) -> str:
    """Return data as YAML in block style, keys in their order."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=width)


def load(text: str) -> Any:
    """Return what a text of YAML holds, as ``yaml.safe_load``, in a tenth of its time where PyYAML has libyaml.

    Raises yaml.YAMLError.
    """
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
