"""Templates that the last run compiled are not compiled again, and nothing else is taken for them."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
from saltk8s.kubectl.manifests.compiled import Compiled

TEXTS = {"parts": "{% macro name(of) %}name: {{ of | upper }}{% endmacro %}", "one": "a: {{ 1 + n }}"}
MAIN = '{% from "parts" import name %}{{ name(word) }}'


def rendered(path: Path | None, text: str = MAIN, version: str = "3008.3", **options) -> str:
    """One run: an environment of its own, as Salt makes it."""
    environment = jinja2.Environment(loader=jinja2.DictLoader(TEXTS), **options)
    compiled = Compiled(path, version)
    compiled.use_in(environment)
    done = environment.from_string(text).render(word="x", n=1)
    compiled.save()
    return done


def test_the_second_run_compiles_nothing_not_what_is_imported_either(tmp_path, compiles):
    path = tmp_path / "below" / "one"
    assert [rendered(path), rendered(path)] == ["name: X", "name: X"]
    assert compiles == [MAIN, TEXTS["parts"]]
    assert path.stat().st_mode & 0o077 == 0, "it is code that is run: nobody else may write it"


def test_the_file_has_what_the_last_run_needed(tmp_path, compiles):
    path = tmp_path / "one"
    for text in (MAIN, "b: {{ n }}", "b: {{ n }}", MAIN):
        rendered(path, text)
    assert compiles == [MAIN, TEXTS["parts"], "b: {{ n }}", MAIN, TEXTS["parts"]]


@pytest.mark.parametrize("other", [{"version": "3006.9"}, {"trim_blocks": True}, {"variable_start_string": "[["}])
def test_another_salt_or_other_options_compile_anew(tmp_path, compiles, other):
    path = tmp_path / "one"
    rendered(path)
    before = len(compiles)
    assert rendered(path, **other) == rendered(None, **other)
    assert len(compiles) > before + 1


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: b"", lambda data: data[:40] + b"\0" + data[41:]]
)
def test_a_damaged_file_is_none(tmp_path, compiles, damage):
    path = tmp_path / "one"
    rendered(path)
    path.write_bytes(damage(path.read_bytes()))
    assert rendered(path) == "name: X"
    assert compiles.count(MAIN) == 2


def test_a_file_that_cannot_be_written_or_no_path_is_no_failure(tmp_path):
    (tmp_path / "file").write_text("")
    assert rendered(tmp_path / "file" / "below") == rendered(None) == "name: X"


def test_an_error_names_its_line_in_the_second_run_too(tmp_path):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError) as caught:
            rendered(tmp_path / "one", "a\nb\n{{ n / 0 }}\n")
        assert caught.traceback[-1].lineno == 2, "counted from 0"
