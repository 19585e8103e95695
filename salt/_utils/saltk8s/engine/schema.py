"""What an engine adds to the pillar's schema, which imports this: it knows the pillar's vocabulary and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from saltk8s.pillar.vocabulary.types import Report, Text

Rule = Callable[[dict[str, Any], Report], None]


class PinnedProgram(NamedTuple):
    """A program of the engine: below ``k8s:binaries`` in the pillar, in ``paths:bin_dir`` on the admin.

    version: the type of its version; meaning: of its key; example: of a version.
    """

    version: Text
    meaning: str
    example: str


@dataclass(frozen=True)
class EngineSchema:
    """What one engine adds.

    version: the type of ``k8s:cluster:version``; version_source, version_example: for its documentation;
    programs: {name: what the admin installs}; files: {key of the model's ``paths``: file name in the state folder},
    ``kubeconfig`` and ``state_file`` among them; rules: checks of the whole model, run only for this engine.
    """

    version: Text
    version_source: str
    version_example: str
    programs: Mapping[str, PinnedProgram]
    files: Mapping[str, str]
    rules: tuple[Rule, ...] = ()
