"""What a persona says, apart from what Tavus writes itself and from its secrets.

Snapshots, files and comparisons hold this and nothing else: in the older vocabulary, in one stable order, so that the
same persona has the same content and the same hash wherever and whenever it was read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lib.models import JsonObject
from lib.redaction.addresses import unsigned
from lib.services.personas.fields import FIELDS, READ_ONLY, FieldKind
from lib.services.personas.rows import ABSENT, Path, alike, copied, get, is_secret, put, remove

OLDER = {alias: known.path for known in FIELDS for alias in known.aliases}
"""Newer spelling of a field -> the one that Greenroom keeps."""

SECRET = {known.path for known in FIELDS if known.kind in (FieldKind.SECRET, FieldKind.SECRETS)}


@dataclass(frozen=True)
class Content:
    """`fields` is the persona's row without ids, dates, nulls and secrets; `secrets` are the paths where one is set.

    A path is dotted, such as `layers.llm.api_key`; an entry of a list is named by its number.
    """

    fields: JsonObject
    secrets: tuple[str, ...] = field(default=())

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits of SHA-256: equal for equal content, whatever the order of its keys."""
        text = json.dumps([self.fields, self.secrets], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def content_of(row: JsonObject) -> Content:
    """The content of a persona's row as Tavus gave it. The row is not changed."""
    fields, secrets = _parted(row)
    return Content(dict(sorted(fields.items())), tuple(sorted(secrets)))


def secrets_of(row: JsonObject) -> dict[str, object]:
    """The row's secrets by their path: to compare them in memory, never to keep or show one."""
    return _parted(row)[1]


def safe(path: Path, value: object) -> object:
    """What may be shown of the value at this path of a row; ABSENT where all of it is secret.

    The path is in the older vocabulary.
    """
    if value is ABSENT:
        return ABSENT
    row: dict[str, object] = {}
    put(row, path, value)
    return get(_parted(row)[0], path)


def _parted(row: JsonObject) -> tuple[dict[str, object], dict[str, object]]:
    secrets: dict[str, object] = {}
    plain = older({name: value for name, value in row.items() if name not in READ_ONLY})
    for known in FIELDS:
        value = get(plain, known.path)
        if known.kind in (FieldKind.SECRET, FieldKind.SECRETS) and value not in (ABSENT, None, "", {}, []):
            secrets[known.key] = value
            remove(plain, known.path)
    return _cleaned(plain, (), secrets), secrets


def onto(row: JsonObject, content: Content) -> dict[str, object]:
    """The row changed so that it says what the content says; secrets stay as they are, whichever the content had.

    What Tavus writes itself stays, nulls too: they say nothing.
    """
    live = older(row)
    kept = {name: live.pop(name) for name in READ_ONLY if name in live}
    return {**kept, **_onto(live, content.fields, (), frozenset(content.secrets))}


def _onto(live: JsonObject, wanted: JsonObject, path: Path, secrets: frozenset[str]) -> dict[str, object]:
    out: dict[str, object] = {}
    for name, value in live.items():
        here = (*path, name)
        hidden = ".".join(here) in secrets or here in SECRET or is_secret(name, value)
        want = wanted.get(name, {})
        if isinstance(value, Mapping) and not hidden and isinstance(want, Mapping):
            inner = _onto(value, want, here, secrets)
            if inner or not value or name in wanted:
                out[name] = inner
        elif name in wanted:
            out[name] = _listed_onto(value, wanted[name], here, secrets)
        elif hidden or value is None:
            out[name] = value
    return {**out, **{name: value for name, value in wanted.items() if name not in live}}


def _listed_onto(live: object, wanted: object, path: Path, secrets: frozenset[str]) -> object:
    """The wanted entries, each with the secrets of the live entry that it is: the equal one, else that of its name."""
    if not isinstance(live, list) or not isinstance(wanted, list):
        return wanted
    left = list(zip(live, _listed(live, path, {}), strict=True))
    out: list[object] = []
    for entry in wanted:
        same = next((pair for pair in left if alike(pair[1], entry)), None)
        named = next((pair for pair in left if _name(entry) and alike(_name(pair[1]), _name(entry))), None)
        known = same or named
        left = [pair for pair in left if pair is not known]
        if same is not None:
            out.append(same[0])
        else:
            out.append(_onto(named[0], entry, path, secrets) if named else entry)
    return out


def _name(entry: object) -> object:
    """By which an entry of a list is known: a tool has a name, in OpenAI's form inside `function`."""
    if not isinstance(entry, Mapping):
        return None
    inner = entry.get("function")
    return entry.get("name") or (inner.get("name") if isinstance(inner, Mapping) else None)


def older(row: JsonObject, before: JsonObject | None = None) -> dict[str, object]:
    """A copy in the older vocabulary. Rows often carry both names of a field: then the older one counts.

    `before` is what `row` was made from: of the two names, the one that was changed since counts.
    """
    out = copied(row)
    for alias, path in OLDER.items():
        newer, value = get(out, alias), get(out, path)
        if newer is ABSENT:
            continue
        remove(out, alias)
        renewed = before is not None and not alike(newer, get(before, alias))
        changed = before is not None and not alike(value, get(before, path))
        if renewed if renewed != changed else value in (ABSENT, None):
            put(out, path, newer)
    return out


def spelling(row: JsonObject, path: Path) -> Path:
    """Where this row keeps what stands at `path` in the older vocabulary."""
    for known in FIELDS:
        if known.aliases and path[: len(known.path)] == known.path:
            names = (known.path, *known.aliases)
            full = [name for name in names if get(row, name) not in (ABSENT, None)]
            there = full or [name for name in names if get(row, name) is not ABSENT] or [known.path]
            return (*there[0], *path[len(known.path) :])
    return path


def _cleaned(node: JsonObject, path: Path, secrets: dict[str, object]) -> dict[str, object]:
    """Without nulls, without branches that are empty, and without what is secret, which goes to `secrets`."""
    out: dict[str, object] = {}
    for name, value in node.items():
        here = (*path, name)
        if value is None:
            continue
        if is_secret(name, value):
            if value not in ("", {}):
                secrets[".".join(here)] = value
        elif isinstance(value, Mapping):
            inner = _cleaned(value, here, secrets)
            if inner:
                out[name] = inner
        elif isinstance(value, list):
            out[name] = list(_listed(value, here, secrets))
        else:
            out[name] = value
    return dict(sorted(out.items()))


def _listed(items: list[object], path: Path, secrets: dict[str, object]) -> Iterator[object]:
    for index, item in enumerate(items):
        here = (*path, str(index))
        if isinstance(item, Mapping):
            yield _cleaned(item, here, secrets)
        elif isinstance(item, list):
            yield list(_listed(item, here, secrets))
        elif is_secret("", item):
            secrets[".".join(here)] = item
            yield unsigned(str(item))
        else:
            yield item
