"""What a persona says, apart from what Tavus writes itself and from its secrets.

Snapshots, files and comparisons hold this and nothing else: in the older vocabulary, in one stable order, so that the
same persona has the same content and the same hash wherever and whenever it was read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from lib.services.personas.fields import FIELDS, READ_ONLY, Kind
from lib.services.personas.rows import ABSENT, Path, get, is_secret, put, remove

OLDER = {alias: known.path for known in FIELDS for alias in known.aliases}
"""Newer spelling of a field -> the one that Greenroom keeps."""


@dataclass(frozen=True)
class Content:
    """`fields` is the persona's row without ids, dates, nulls and secrets; `secrets` are the paths where one is set.

    A path is dotted, such as `layers.llm.api_key`; an entry of a list is named by its number.
    """

    fields: Mapping[str, Any]
    secrets: tuple[str, ...] = field(default=())

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits of SHA-256: equal for equal content, whatever the order of its keys."""
        text = json.dumps([self.fields, self.secrets], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def content_of(row: Mapping[str, Any]) -> Content:
    """The content of a persona's row as Tavus gave it. The row is not changed."""
    found: list[str] = []
    older = _older({name: value for name, value in row.items() if name not in READ_ONLY})
    for known in FIELDS:
        if known.kind in (Kind.SECRET, Kind.SECRETS) and get(older, known.path) not in (ABSENT, None, "", {}, []):
            found.append(known.key)
            remove(older, known.path)
    fields = _cleaned(older, (), found)
    return Content(dict(sorted(fields.items())), tuple(sorted(found)))


def _older(row: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in the older vocabulary. Rows often carry both names of a field: then the older one counts."""
    out: dict[str, Any] = _copied(row)
    for alias, path in OLDER.items():
        value = get(out, alias)
        if value is not ABSENT:
            remove(out, alias)
            if get(out, path) in (ABSENT, None):
                put(out, path, value)
    return out


def _copied(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {str(name): _copied(value) for name, value in node.items()}
    return [_copied(value) for value in node] if isinstance(node, list) else node


def _cleaned(node: Mapping[str, Any], path: Path, found: list[str]) -> dict[str, Any]:
    """Without nulls, without branches that are empty, and without what is secret, whose paths go to `found`."""
    out: dict[str, Any] = {}
    for name, value in node.items():
        here = (*path, name)
        if value is None:
            continue
        if is_secret(name, value) or _signed_address(value):
            found.extend([".".join(here)] if value not in ("", [], {}) else [])
        elif isinstance(value, Mapping):
            inner = _cleaned(value, here, found)
            if inner:
                out[name] = inner
        elif isinstance(value, list):
            out[name] = list(_listed(value, here, found))
        else:
            out[name] = value
    return dict(sorted(out.items()))


def _listed(items: list[Any], path: Path, found: list[str]) -> Iterator[Any]:
    for index, item in enumerate(items):
        here = (*path, str(index))
        if isinstance(item, Mapping):
            yield _cleaned(item, here, found)
        elif isinstance(item, list):
            yield list(_listed(item, here, found))
        else:
            yield item


def _signed_address(value: Any) -> bool:
    """True for an address with a password in it."""
    if not isinstance(value, str) or "://" not in value or "@" not in value or any(map(str.isspace, value)):
        return False
    try:
        return urlsplit(value).password is not None
    except ValueError:
        return False
