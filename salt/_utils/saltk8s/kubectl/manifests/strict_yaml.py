"""YAML read strictly, as kubectl reads it, and fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """YAML as kubectl reads it: a duplicate key is an error, and a date stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_TEXT, _LIST, _MAP, _MERGE = (f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map", "merge"))


def documents(text: str) -> list[Any]:
    """Return the documents of a text. Raises YAMLError."""
    loader = _Loader(text)
    try:
        found = []
        while loader.check_node():
            node = loader.get_node()
            assert node is not None, "check_node() says that there is one"
            found.append(_value(loader, node))
        return found
    except RecursionError as err:
        raise yaml.constructor.ConstructorError(None, None, "an alias that contains itself", None) from err
    finally:
        loader.dispose()


def _value(loader: _Loader, node: yaml.Node) -> Any:
    """Return what a node means: what the loader's own constructors give, several times as fast."""
    if node.tag == _TEXT and isinstance(node, yaml.ScalarNode):
        return node.value
    if node.tag == _LIST and isinstance(node, yaml.SequenceNode):
        return [_value(loader, item) for item in node.value]
    if not (node.tag == _MAP and isinstance(node, yaml.MappingNode)):
        return loader.construct_object(node, deep=True)
    merged: dict[Any, Any] = {}
    if any(key.tag == _MERGE for key, _ in node.value):
        own = [pair for pair in node.value if pair[0].tag != _MERGE]
        loader.flatten_mapping(node)  # puts what is merged in before the mapping's own pairs
        merged = {_key(loader, key): _value(loader, value) for key, value in node.value[: len(node.value) - len(own)]}
        node = yaml.MappingNode(node.tag, own, node.start_mark, node.end_mark)
    found: dict[Any, Any] = {}
    for key_node, value in node.value:
        key = _key(loader, key_node)
        if key in found:
            raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key!r}", key_node.start_mark)
        found[key] = _value(loader, value)
    return merged | found if merged else found


def _key(loader: _Loader, node: yaml.Node) -> Any:
    key = _value(loader, node)
    if not isinstance(key, (str, int, float, bool)):
        raise yaml.constructor.ConstructorError(None, None, "a key that is not a string", node.start_mark)
    return key


def problem(err: yaml.YAMLError) -> str:
    """Return what is wrong and where, without the line itself: it may hold a secret."""
    mark = getattr(err, "problem_mark", None)
    at = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"invalid YAML{at}: {getattr(err, 'problem', None) or 'cannot be read'}"
