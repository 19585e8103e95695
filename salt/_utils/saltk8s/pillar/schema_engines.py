"""What the engines add to the schema: a version's form, programs, files, rules; only the chosen engine's hold.

A folder of ``saltk8s.engine`` is an engine; nothing else has to name it.
"""

from __future__ import annotations

from typing import Any

from saltk8s.engine import registry
from saltk8s.engine.schema import PinnedProgram
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.types import AnyOf, Key, Report, Section, Text

SCHEMAS = {name: registry.schema_of(name) for name in registry.names()}
ENGINES = tuple(SCHEMAS)
VERSION = Key(
    AnyOf(*(schema.version for schema in SCHEMAS.values())),
    f"The Kubernetes version, as {' or '.join(schema.version_source for schema in SCHEMAS.values())} names it.",
    True,
    next(schema.version_example for schema in SCHEMAS.values()),
)


def pinned(name: str, version: Text, example: str, optional: bool = False) -> Section:
    """Return the type of a program that is installed from a file, with a pinned version and a checksum."""
    source = f"https://mirror.osug.example/{name}-{example}"
    return Section(
        {
            "source": Key(values.Source, f"Where the admin gets `{name}`.", True, source),
            "sha256": Key(values.Sha256, "SHA-256 of the file.", True, "64 hexadecimal digits"),
            "version": Key(version, "Its version.", True, example),
        },
        optional,
    )


def _key(engine: str, name: str, program: PinnedProgram) -> Key:
    meaning = f"{program.meaning} Required with the engine `{engine}`."
    return Key(pinned(name, program.version, program.example, optional=True), meaning)


PROGRAMS = {
    name: _key(engine, name, program) for engine, schema in SCHEMAS.items() for name, program in schema.programs.items()
}


def of_the_engine(model: dict[str, Any], report: Report) -> None:
    """What holds for the chosen engine: its versions, its programs, its own rules."""
    schema = SCHEMAS.get(model["cluster"]["engine"])
    if schema is None:  # not valid, and reported
        return
    version = model["cluster"]["version"]
    if version is not None:
        schema.version.check(version, None, ("k8s", "cluster", "version"), report)
    for name in schema.programs:
        if model["binaries"][name] is None:
            PROGRAMS[name].type.check({}, None, ("k8s", "binaries", name), report)
    for rule in schema.rules:
        rule(model, report)
