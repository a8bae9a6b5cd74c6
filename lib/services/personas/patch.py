"""The smallest JSON Patch (RFC 6902, https://www.rfc-editor.org/rfc/rfc6902) between two rows of a persona.

Only `add`, `remove` and `replace`: each step then says by itself what it does, and the steps hold in their order.
Paths are in the spelling that the row uses which was read, since a path must exist at Tavus.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from lib.models import JsonObject
from lib.services.personas.content import SECRET, older, spelling
from lib.services.personas.fields import READ_ONLY
from lib.services.personas.rows import ABSENT, Path, alike, get, holds_secret, is_secret
from lib.services.personas.sequences import blocks

Step = dict[str, object]


def patch(before: JsonObject, after: JsonObject) -> list[Step]:
    """The steps that make `after` of `before`; [] if they say the same. What Tavus writes itself is left out."""
    return [_step(before, op, path, value) for op, path, value in _differences(before, after)]


def guarded(before: JsonObject, after: JsonObject) -> list[Step]:
    """`patch`, behind a `test` of every place that it replaces or removes, so that it fails where that was changed.

    A list is tested as a whole. No `test` holds a secret, and RFC 6902 has none for "is not there": what was added
    elsewhere under a name that is added here is not noticed.
    """
    places: dict[Path, None] = {}
    for op, path, _ in _differences(before, after):
        listed = next((path[:n] for n in range(1, len(path)) if isinstance(_at(before, path[:n]), list)), None)
        if listed or op != "add":
            places[listed or path] = None
    tests = [("test", *told) for path in places for told in _told(path, _at(before, path))]
    return [*(_step(before, *test) for test in tests), *patch(before, after)]


_Difference = tuple[str, Path, object]


def _differences(before: JsonObject, after: JsonObject) -> list[_Difference]:
    was, now = older(before), older(after, before)
    for name in READ_ONLY:
        was.pop(name, None)
        now.pop(name, None)
    return list(_in_object(was, now, ()))


def _between(was: object, now: object, path: Path) -> Iterator[_Difference]:
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        yield from _in_object(was, now, path)
    elif alike(was, now):
        return
    elif isinstance(was, list) and isinstance(now, list):
        inside = list(_in_list(was, now, path))
        # A secret is masked where it is read: its entry is only touched if it is the one that changes.
        whole = [("replace", path, now)]
        yield from whole if not holds_secret(was) and _size(whole) < _size(inside) else inside
    else:
        yield "replace", path, now


def _in_object(was: JsonObject, now: JsonObject, path: Path) -> Iterator[_Difference]:
    for name, value in was.items():
        here = (*path, name)
        if name in now:
            yield from _between(value, now[name], here)
        else:
            yield "remove", here, ABSENT
    for name, value in now.items():
        if name not in was:
            yield "add", (*path, name), value


def _in_list(was: list[object], now: list[object], path: Path) -> Iterator[_Difference]:
    """From left to right, so that all before a step already is as it will be: its index is that in `now`."""
    old, new = ([json.dumps(item, sort_keys=True) for item in items] for items in (was, now))
    for block in blocks(old, new):
        both = min(block.was_to - block.was_from, block.now_to - block.now_from)
        for n in range(both):
            index = block.now_from + n
            yield from _between(was[block.was_from + n], now[index], (*path, str(index)))
        for _ in range(block.was_from + both, block.was_to):
            yield "remove", (*path, str(block.now_from + both)), ABSENT
        for index in range(block.now_from + both, block.now_to):
            yield "add", (*path, str(index)), now[index]


def _told(path: Path, value: object) -> Iterator[tuple[Path, object]]:
    """What a `test` may say of this place: all of it, or the parts that are not secret."""
    if path in SECRET or is_secret(path[-1], value):
        return
    if not _hides(path, value):
        yield path, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _told((*path, name), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _told((*path, str(index)), item)


def _hides(path: Path, value: object) -> bool:
    return holds_secret(value) or any(
        field[: len(path)] == path and get(value, field[len(path) :]) is not ABSENT for field in SECRET
    )


def _at(row: JsonObject, path: Path) -> object:
    """What stands at this path of a row, as the row spells it."""
    node: object = row
    for name in spelling(row, path):
        node = node[int(name)] if isinstance(node, list) else get(node, (name,))
    return node


def _size(differences: Iterable[_Difference]) -> int:
    return len(json.dumps([_as_step(*difference) for difference in differences]))


def _step(before: JsonObject, op: str, path: Path, value: object) -> Step:
    return _as_step(op, spelling(before, path), value)


def _as_step(op: str, path: Path, value: object) -> Step:
    step: Step = {"op": op, "path": "".join(map(_segment, path))}
    return step if value is ABSENT else {**step, "value": value}


def _segment(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")
