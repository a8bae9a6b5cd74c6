"""The smallest JSON Patch between two rows, guarded by `test` against what changed at Tavus meanwhile."""

from __future__ import annotations

import jsonpatch
from jsonpointer import JsonPointer

from lib.models import JsonObject

ABSENT = object()
READ_ONLY = frozenset({"objectives_id", "uuid", "owner_id", "status", "created_at", "updated_at"})


def guarded(before: JsonObject, after: JsonObject) -> list[dict[str, object]]:
    """What makes `before` into `after`: a `test` of each value that is replaced, then the operations; [] for nothing.

    What Tavus writes itself is left as it is.
    """
    keep = {key: before[key] for key in READ_ONLY if key in before}
    wanted = {key: value for key, value in after.items() if key not in READ_ONLY} | keep
    steps: list[dict[str, object]] = list(jsonpatch.make_patch(dict(before), wanted))
    lists = {_parent(str(step[key])) for step in steps for key in ("path", "from") if key in step and _moves(step)}
    anchors = dict.fromkeys(_anchor(before, str(step["path"]), lists) for step in steps)
    tests = [{"op": "test", "path": path, "value": _at(before, path)} for path in anchors if path]
    return tests + steps


def same(one: JsonObject, other: JsonObject) -> bool:
    """True if two readings of a row differ in nothing but what Tavus writes itself."""
    return _own(one) == _own(other)


def _own(row: JsonObject) -> dict[str, object]:
    return {key: value for key, value in row.items() if key not in READ_ONLY}


def _moves(step: JsonObject) -> bool:
    return step["op"] in ("add", "remove", "move")


def _parent(pointer: str) -> str:
    return pointer.rpartition("/")[0]


def _anchor(before: JsonObject, pointer: str, lists: set[str]) -> str:
    """The longest part of `pointer` that stands in `before`, up to a list whose numbers the patch itself moves."""
    known = ""
    for part in JsonPointer(pointer).parts:
        node = _at(before, known)
        if isinstance(node, list) and known in lists:
            return known
        longer = JsonPointer.from_parts([*JsonPointer(known).parts, part]).path
        if _at(before, longer) is ABSENT:
            return known if isinstance(node, list) else ""
        known = longer
    return known


def _at(row: JsonObject, pointer: str) -> object:
    return JsonPointer(pointer).resolve(row, ABSENT)
