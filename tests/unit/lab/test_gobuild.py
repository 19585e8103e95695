"""Building Go programs: replaced modules, and where the cache is."""

from __future__ import annotations

from dataclasses import replace

from labkit import config, gobuild, programs

GO = "go1.26.8"


def test_a_replacement_takes_the_place_of_the_module_s_own(tmp_path):
    (tmp_path / "go.mod").write_text(
        "module m\n\nreplace a.b/c => d.e/f v1.0.0\n\nreplace (\n\ta.b/cd => g/h v2.0.0\n\ta.b/c v1.1.0 => ../c\n)\n"
    )
    (tmp_path / "work").mkdir()
    program = programs.Program("p", "m@v1.0.0", replace={"a.b/c": "a.b/c@v1.2.3"})
    text = gobuild._modfile(program, tmp_path, tmp_path / "work").read_text()
    assert "d.e/f" not in text and "../c" not in text and "a.b/cd => g/h v2.0.0" in text
    assert text.endswith("replace a.b/c => a.b/c v1.2.3\n")
    plain = replace(program, replace={})
    assert gobuild.key(plain, GO) != gobuild.key(program, GO)


def test_cache_is_where_the_environment_says(cache):
    assert gobuild.cache_dir() == cache
    assert config.state().parent == config.store().parent == cache
