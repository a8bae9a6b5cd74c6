"""A persona's row <-> what its form holds. Pure: no widget, no request.

`read` makes a row into values that widgets can show, `write` brings values back into the row. What was not touched
comes back verbatim, with fields that Greenroom does not know, odd types and nulls; a field that was emptied is
removed, never sent as "". Secrets leave the row only as *set* or *not set*.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from copy import deepcopy

from lib.models import JsonObject, texts
from lib.services.personas.fields import FIELDS, NAME, READ_ONLY, FieldKind, PersonaField, title
from lib.services.personas.rows import (
    ABSENT,
    Path,
    divide,
    dump,
    get,
    holds_secret,
    join,
    leaves,
    put,
    remove,
    sendable,
    without_nulls,
)

Value = str | bool | int | float | None
Values = Mapping[str, Value]

OTHER = "other"
"""The form's value for everything that no field of its own shows: a JSON object, as text."""


def read(row: JsonObject) -> dict[str, Value]:
    """What the form shows for `row`: a value for each field's key (see `FieldKind`) and for OTHER."""
    values = {field.key: _shown(field, row) for field in FIELDS}
    values[OTHER] = dump(split(row)[1])
    return values


def write(row: JsonObject, values: Values) -> dict[str, object]:
    """`row` with what `values` changes of it. `write(row, read(row)) == row` for every row.

    Where anything changes, what stood under a name that Tavus has given up is moved to the name of today.
    Raises ValueError where JSON text does not parse: run `check.problems` first.
    """
    base, locked = read(row), alien(row)
    out = deepcopy(dict(row))
    for field in FIELDS:
        new = values.get(field.key, base[field.key])
        if field.key in locked or same(new, base[field.key]):
            continue
        if new is None or (isinstance(new, str) and not new.strip()):
            remove(out, home(row, field))
        else:
            put(out, home(row, field), _wire(field, new, get(row, home(row, field))))
    other = values.get(OTHER, base[OTHER])
    if other != base[OTHER]:
        out = join(split(out)[0], json.loads(str(other)) if str(other or "").strip() else {})
    if out != row:
        for field, old in older(row):
            _move(out, old, field.path)
    return out


def older(row: JsonObject) -> tuple[tuple[PersonaField, Path], ...]:
    """The fields that this row keeps under a name which Tavus has given up, with that name's path."""
    locked = alien(row)
    homes = ((field, home(row, field)) for field in FIELDS if field.legacy and field.key not in locked)
    return tuple((field, path) for field, path in homes if path in field.legacy)


def edits(row: JsonObject, values: Values) -> tuple[str, ...]:
    """The names of the fields that `values` holds otherwise than `row`, also where they don't parse."""
    base, locked = read(row), alien(row)
    names = [title(f) for f in FIELDS if f.key not in locked and not same(values.get(f.key, base[f.key]), base[f.key])]
    if values.get(OTHER, base[OTHER]) != base[OTHER]:
        names.append("Other fields")
    return tuple(names)


def copy_of(row: JsonObject, suffix: str = "") -> dict[str, object]:
    """The row of a new persona that is like this one: without what Tavus writes itself, nulls and masked secrets.

    `suffix` is put behind its name.
    """
    out = {key: value for key, value in without_nulls(deepcopy(dict(row))).items() if key not in READ_ONLY}
    for field in FIELDS:
        stored = get(out, field.path)
        if field.kind is FieldKind.SECRET and isinstance(stored, str) and re.search(r"[*•]{3}", stored):
            remove(out, field.path)
    name = get(out, home(out, NAME))
    if isinstance(name, str):
        put(out, home(out, NAME), name + suffix)
    return out


def alien(row: JsonObject) -> frozenset[str]:
    """Keys of the fields whose stored value is of a kind that their widget can't show; OTHER shows it as JSON."""
    return frozenset(field.key for field in FIELDS if not _fits(field, row))


def kind(row: JsonObject, field: PersonaField) -> FieldKind:
    """The field's kind for this row: JSON that is secret, or a list with a secret somewhere in it, is written only.

    An object with other things in it is shown without its secrets, which `write` keeps.
    """
    if field.kind is FieldKind.JSON:
        value = get(row, home(row, field))
        if holds_secret(value) and not (isinstance(value, Mapping) and shown_part(value)):
            return FieldKind.SECRETS
    return field.kind


def shown_part(value: JsonObject) -> dict[str, object]:
    """An object without what is secret in it."""
    return divide(value, set())[1]


def hidden(row: JsonObject, field: PersonaField) -> tuple[str, ...]:
    """Names of what is secret in an object whose rest is shown."""
    value = get(row, home(row, field))
    if kind(row, field) is not FieldKind.JSON or not isinstance(value, Mapping):
        return ()
    return tuple(".".join(path) for path, _ in leaves(divide(value, set())[0]))


def is_set(row: JsonObject, field: PersonaField) -> bool:
    return get(row, home(row, field)) not in (ABSENT, None, "", {}, [])


def home(row: JsonObject, field: PersonaField) -> Path:
    """Where this row keeps the field: under its own name, else under a newer or older one that it uses.

    A null counts only where no other name holds anything.
    """
    there = [path for path in field.names if get(row, path) is not ABSENT]
    return next((path for path in there if get(row, path) is not None), there[0] if there else field.path)


def split(row: JsonObject) -> tuple[dict[str, object], dict[str, object]]:
    """The row in two: what has a field, is written by Tavus or is secret; and all the rest."""
    locked = alien(row)
    claims: set[Path] = {(name,) for name in READ_ONLY}
    for field in FIELDS:
        if field.key not in locked:
            claims.update((field.path, *field.aliases, home(row, field)))
    return divide(row, claims)


def same(a: Value, b: Value) -> bool:
    """Equal as the form sees it: 1 and 1.0 are, True and 1 are not."""
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def _shown(field: PersonaField, row: JsonObject) -> Value:
    secret = kind(row, field) in (FieldKind.SECRET, FieldKind.SECRETS)
    value = get(row, home(row, field))
    if secret or value is ABSENT or value is None or not _fits(field, row):
        return None if field.kind in (FieldKind.BOOL, FieldKind.NUMBER) and not secret else ""
    if field.kind is FieldKind.LINES:
        return "\n".join(texts(value))
    if field.kind is not FieldKind.JSON and isinstance(value, str | int | float):
        return value
    return dump(shown_part(value) if isinstance(value, Mapping) else value)


def _move(row: dict[str, object], old: Path, new: Path) -> None:
    value = get(row, old)
    if value is not ABSENT:
        remove(row, old)
        put(row, new, value)


def _fits(field: PersonaField, row: JsonObject) -> bool:
    path = home(row, field)
    if not all(get(row, path[:n]) in (ABSENT, None) or isinstance(get(row, path[:n]), Mapping)
               for n in range(1, len(path))):  # fmt: skip
        return False
    value = get(row, path)
    if value is ABSENT or value is None or kind(row, field) in (FieldKind.SECRET, FieldKind.SECRETS):
        return True
    match field.kind:
        case FieldKind.BOOL:
            return isinstance(value, bool)
        case FieldKind.NUMBER:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return False
            return math.isfinite(value) and abs(value) < 1e12
        case FieldKind.LINES:
            return isinstance(value, list) and all(
                isinstance(item, str) and item and item == item.strip() and not re.search(r"[\r\n]", item)
                and sendable(item) for item in value
            )  # fmt: skip
        case FieldKind.JSON:
            return isinstance(value, field.shape)
        case _:
            return isinstance(value, str) and sendable(value)


def _wire(field: PersonaField, value: Value, stored: object) -> object:
    """The value as Tavus takes it; an object keeps the secrets of the one that it replaces."""
    if field.kind is FieldKind.JSON and isinstance(stored, Mapping) and shown_part(stored):
        return join(divide(stored, set())[0], json.loads(str(value)))
    if field.kind in (FieldKind.JSON, FieldKind.SECRETS):
        return json.loads(str(value))
    if field.kind is FieldKind.LINES:
        return [line.strip() for line in str(value).split("\n") if line.strip()]
    if field.kind in (FieldKind.TEXT, FieldKind.SECRET):
        return str(value).strip()
    return value
