"""The API reference is what the docstrings say, for every function that Salt's loader offers."""

from __future__ import annotations

import ast

from support import reference, tree

DOCSTRING = '''\
"""
Return one thing, or ``None``.

kind
    What it is: ``a``
    or ``b``.
one, other
    Two of the same meaning.

Returns a dict. See docs/objects.md.

- a list that is one already
- and stays one

.. versionadded:: 0.1.0

CLI Example:

.. code-block:: bash

    salt '*' thing.get
"""
'''
MARKDOWN = """\
Return one thing, or `None`.

- `kind`: What it is: `a`
  or `b`.
- `one`, `other`: Two of the same meaning.

Returns a dict. See [docs/objects.md](../../objects.md).

- a list that is one already
- and stays one

*Added in version 0.1.0.*

Example:

```bash
salt '*' thing.get
```"""


def test_the_reference_is_not_stale():
    wanted = {reference.PLACE / path: text for path, text in reference.pages().items()}
    assert set(wanted) == set(reference.PLACE.rglob("*.md")), "run: make docs"
    stale = [tree.relative(path) for path, text in wanted.items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run: make docs"


def test_every_public_function_is_in_it():
    index = reference.index()
    for kind in reference.TITLES:
        for name, paths in reference.sources(kind).items():
            page = (reference.PLACE / kind / f"{name}.md").read_text()
            for path in paths:
                for function in tree.public_functions(path):
                    shown = tree.aliases(path).get(function.name, function.name)
                    assert f"# {name}.{shown}\n" in page and f"[`{shown}`]({kind}/{name}.md#" in index


def test_what_a_docstring_becomes():
    text = ast.get_docstring(ast.parse(DOCSTRING))
    assert "\n".join(reference._markdown(text, reference.PLACE / "modules")) == MARKDOWN


def test_a_long_signature_is_folded_at_its_own_commas():
    function = ast.parse("def f(a, b=(1, 2), *, c={'x': [1, 2]}, **kwargs): pass").body[0]
    assert reference._folded("m.f", function) == [
        "m.f(",
        "    a,",
        "    b=(1, 2),",
        "    *,",
        "    c={'x': [1, 2]},",
        "    **kwargs,",
        ")",
    ]
