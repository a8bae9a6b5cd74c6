"""JSON rows as trees: read, put and remove at a path, take a tree apart and join it, and tell what is secret in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from lib.models import JsonObject
from lib.redaction.addresses import signed
from lib.redaction.names import is_secret_field

Path = tuple[str, ...]

ABSENT = object()
"""What `get` answers where there is nothing; JSON's null is None."""


def leaves(node: JsonObject, path: Path = ()) -> Iterator[tuple[Path, object]]:
    for name, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


def divide(node: JsonObject, claims: set[Path], path: Path = ()) -> tuple[dict[str, object], dict[str, object]]:
    """The tree in two: what stands at one of `claims` or is secret, and the rest. `join` makes them one again."""
    claimed: dict[str, object] = {}
    rest: dict[str, object] = {}
    for name, value in node.items():
        here = (*path, name)
        if here in claims or is_secret(name, value) or (isinstance(value, list) and holds_secret(value)):
            claimed[name] = value
        elif isinstance(value, Mapping) and value:
            ours, others = divide(value, claims, here)
            claimed.update({name: ours} if ours else {})
            rest.update({name: others} if others else {})
        else:
            rest[name] = value
    return claimed, rest


def is_secret(name: str, value: object) -> bool:
    """True for a key or a password by its name, all the headers of a request, and an address with a password in it."""
    return is_secret_field(name, value) or (isinstance(value, str) and signed(value))


def holds_secret(value: object) -> bool:
    """True if there is a secret anywhere in it."""
    if isinstance(value, Mapping):
        return any(is_secret(str(name), item) or holds_secret(item) for name, item in value.items())
    return isinstance(value, list) and any(is_secret("", item) or holds_secret(item) for item in value)


def get(node: object, path: Path) -> object:
    for name in path:
        if not isinstance(node, Mapping) or name not in node:
            return ABSENT
        node = node[name]
    return node


def put(row: dict[str, object], path: Path, value: object) -> None:
    for name in path[:-1]:
        inner = row.get(name)
        if not isinstance(inner, dict):
            inner = row[name] = {}
        row = inner
    row[path[-1]] = value


def remove(row: dict[str, object], path: Path) -> None:
    parent = get(row, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)


def join(a: JsonObject, b: JsonObject) -> dict[str, object]:
    """Both trees as one; where they clash, `b` replaces a value of `a` but never a branch of it."""
    out = dict(a)
    for name, value in b.items():
        mine = out.get(name)
        if not isinstance(mine, Mapping):
            out[name] = value
        elif isinstance(value, Mapping):
            out[name] = join(mine, value)
        elif not mine:
            out[name] = value
    return out


def without_nulls(node: dict[str, object]) -> dict[str, object]:
    return {
        name: without_nulls(value) if isinstance(value, dict) else value
        for name, value in node.items()
        if value is not None
    }


def alike(a: object, b: object) -> bool:
    """Equal as JSON is: 1 and 1.0 are, true and 1 are not, and ABSENT is like nothing but itself."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(alike(value, b[name]) for name, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    return a is b or (isinstance(a, bool) == isinstance(b, bool) and bool(a == b))


def copied(row: JsonObject) -> dict[str, object]:
    """A copy that shares no branch with `row`; its keys are text."""
    return {str(name): _copied(value) for name, value in row.items()}


def _copied(value: object) -> object:
    if isinstance(value, Mapping):
        return copied(value)
    return [_copied(item) for item in value] if isinstance(value, list) else value


def dump(value: object) -> str:
    """JSON as a person reads it; escaped where a text can't be sent to a browser (a lone half of a character)."""
    if value in ({}, []):
        return ""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if sendable(text) else json.dumps(value, indent=2)


def sendable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
