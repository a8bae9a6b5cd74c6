"""The smallest JSON Patch between two rows, guarded by `test` against what changed at Tavus meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonpatch
from jsonpointer import JsonPointer

ABSENT = object()
READ_ONLY = frozenset({"objectives_id", "uuid", "owner_id", "status", "created_at", "updated_at"})


def guarded(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What makes `before` into `after`: a `test` of each value that is replaced, then the operations; [] for nothing.

    What Tavus writes itself is left as it is.
    """
    keep = {key: before[key] for key in READ_ONLY if key in before}
    wanted = {key: value for key, value in after.items() if key not in READ_ONLY} | keep
    steps: list[dict[str, Any]] = list(jsonpatch.make_patch(dict(before), wanted))
    lists = {_parent(step[key]) for step in steps for key in ("path", "from") if key in step and _moves(step)}
    anchors = dict.fromkeys(_anchor(before, step["path"], lists) for step in steps)
    tests = [{"op": "test", "path": path, "value": _at(before, path)} for path in anchors if path]
    return tests + steps


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """True if two readings of a row differ in nothing but what Tavus writes itself."""
    return _own(one) == _own(other)


def _own(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in READ_ONLY}


def _moves(step: Mapping[str, Any]) -> bool:
    return step["op"] in ("add", "remove", "move")


def _parent(pointer: str) -> str:
    return pointer.rpartition("/")[0]


def _anchor(before: Mapping[str, Any], pointer: str, lists: set[str]) -> str:
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


def _at(row: Mapping[str, Any], pointer: str) -> Any:
    return JsonPointer(pointer).resolve(row, ABSENT)
