"""What ``bare`` adds to the pillar's schema: a version of its own form, a program, a file that rke has not."""

from __future__ import annotations

from saltk8s.engine.schema import EngineSchema, PinnedProgram
from saltk8s.pillar.vocabulary import values

SCHEMA = EngineSchema(
    version=values.ReleaseVersion,
    version_source="`bareadm version`",
    version_example="v1.32.6",
    programs={"bareadm": PinnedProgram(values.ReleaseVersion, "The program of bare.", "v0.1.0")},
    files={"state_file": "bare.json", "kubeconfig": "admin.conf"},
)
