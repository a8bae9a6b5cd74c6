"""Three-way merge of a persona: what it was, what I made of it, and what someone else made of it meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from lib.models import JsonObject, MergeClash
from lib.services.personas.content import older, safe
from lib.services.personas.diff import NOT_SET, REPLACED, SET, label, said
from lib.services.personas.fields import BY_KEY, FIELDS, READ_ONLY
from lib.services.personas.rows import ABSENT, Path, alike, get, is_secret, put, remove

WHOLE = {known.path for known in FIELDS}


@dataclass(frozen=True)
class Merge:
    """`row` is theirs with all that only I changed, in the older vocabulary; where we clash it holds theirs."""

    row: JsonObject = field(repr=False)
    clashes: tuple[MergeClash, ...]
    mine: JsonObject = field(repr=False)

    def with_mine(self, keys: Collection[str]) -> dict[str, object]:
        """The row with my side of the clashes of these keys."""
        out = older(self.row)
        for clash in self.clashes:
            if clash.key in keys:
                value = get(self.mine, clash.path)
                remove(out, clash.path) if value is ABSENT else put(out, clash.path, value)
        return out


def merge(base: JsonObject, mine: JsonObject, theirs: JsonObject) -> Merge:
    """What only one of us changed merges by itself, and what we changed alike is no clash.

    Known fields and lists are taken or left as a whole, unknown objects entry by entry. What Tavus writes itself
    (ids, dates) is theirs.
    """
    was, own, other = older(base), older(mine, base), older(theirs, base)
    clashes: list[MergeClash] = []
    names = {name: other[name] for name in READ_ONLY if name in other}
    for row in (was, own, other):
        for name in READ_ONLY:
            row.pop(name, None)
    merged = _objects(was, own, other, (), clashes)
    return Merge({**names, **merged}, tuple(clashes), own)


def _objects(
    base: JsonObject, mine: JsonObject, theirs: JsonObject, path: Path, clashes: list[MergeClash]
) -> dict[str, object]:
    out: dict[str, object] = {}
    for name in dict.fromkeys((*theirs, *mine)):
        was, own, other = (side.get(name, ABSENT) for side in (base, mine, theirs))
        value = _three(was, own, other, (*path, name), clashes)
        if value is not ABSENT:
            out[name] = value
    return out


def _three(base: object, mine: object, theirs: object, path: Path, clashes: list[MergeClash]) -> object:
    if alike(base, theirs) or alike(mine, theirs):
        return mine
    if alike(base, mine):
        return theirs
    if path not in WHOLE and all(_branch(path[-1], side) for side in (mine, theirs)):
        merged = _objects(_entries(base), _entries(mine), _entries(theirs), path, clashes)
        return merged or next((side for side in (mine, theirs) if not isinstance(side, Mapping)), merged)
    clashes.append(_clash(path, base, mine, theirs))
    return theirs


def _entries(side: object) -> JsonObject:
    return side if isinstance(side, Mapping) else {}


def _branch(name: str, value: object) -> bool:
    """True for an object that is merged entry by entry, and for one that is not there."""
    return value is ABSENT or value is None or (isinstance(value, Mapping) and not is_secret(name, value))


def _clash(path: Path, base: object, mine: object, theirs: object) -> MergeClash:
    known = BY_KEY.get(".".join(path))
    was, own, other = (safe(path, side) for side in (base, mine, theirs))
    # Equal as far as it may be shown: then only what is secret in it differs.
    if secret := alike(own, other):
        was, own, other = (_stored(base, side) for side in (base, mine, theirs))
    return MergeClash(path, label(path), said(was, known), said(own, known), said(other, known), secret)


def _stored(base: object, side: object) -> str:
    if side in (ABSENT, None, "", {}):
        return NOT_SET
    return SET if side is base or alike(base, side) or base in (ABSENT, None, "", {}) else REPLACED
