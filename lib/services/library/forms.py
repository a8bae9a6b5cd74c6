"""Rows of guardrails and documents as forms: what a form shows, and what saving it alters. Pure.

What was not touched comes back verbatim, with the fields that Greenroom does not know. A text that was emptied is
taken out of the row, never sent as "".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from urllib.parse import urlsplit

from lib.models import JsonObject, texts

Values = Mapping[str, object]

URL_LIMIT = 2048
TAG_LIMIT, MOST_TAGS = 64, 32


@dataclass(frozen=True)
class LibraryChange:
    """One line of a review: what it is, what it was and what it becomes, as a person reads it; "" for nothing."""

    label: str
    was: str
    now: str


@dataclass(frozen=True)
class LibraryField:
    """One field of a row. `default` is what applies where the row has none; a tuple stands for a list of texts.

    `text` says what it is for, `empty` what applies while it is empty, `doc` is where Tavus explains it.
    """

    key: str
    label: str
    text: str
    default: object = ""
    empty: str = ""
    doc: str = ""

    @property
    def help(self) -> str:
        """One sentence in Markdown, what applies when empty, and Tavus's page."""
        word = "Empty" if self.default in ("", ()) else "Default"
        empty = f" {word}: {self.empty}." if self.empty else ""
        return f"{self.text}{empty} [Tavus's page]({self.doc})"


def read(row: JsonObject, fields: Iterable[LibraryField]) -> dict[str, object]:
    """What the form shows for `row`; a value of another kind than its field's shows as the default."""
    return {field.key: _shown(row.get(field.key), field.default) for field in fields}


def write(row: JsonObject, values: Values, fields: Iterable[LibraryField]) -> dict[str, object]:
    """`row` with what `values` changes of it. `write(row, read(row)) == row` for every row."""
    out = deepcopy(dict(row))
    base = read(row, fields)
    for key, old in base.items():
        new = values.get(key, old)
        if new == old:
            continue
        if isinstance(new, str):
            new = new.strip()
        if new == "":
            out.pop(key, None)
        else:
            out[key] = list(new) if isinstance(new, tuple) else new
    return out


def changes(before: JsonObject, after: JsonObject, fields: Iterable[LibraryField]) -> tuple[LibraryChange, ...]:
    """What saving `after` over `before` alters, field by field."""
    known = tuple(fields)
    was, now = read(before, known), read(after, known)
    return tuple(
        LibraryChange(field.label, said(was[field.key]), said(now[field.key]))
        for field in known
        if was[field.key] != now[field.key]
    )


def merged(base: Values, mine: Values, theirs: Values) -> dict[str, object]:
    """Mine where I changed something, theirs everywhere else."""
    return {key: mine[key] if mine[key] != base[key] else theirs[key] for key in base}


def said(value: object) -> str:
    """A value as a person reads it, "" for nothing."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple | list):
        value = ", ".join(map(str, value))
    return str(value)


def tag_problem(tags: Iterable[str]) -> str:
    """What is wrong with these tags; "" if nothing is."""
    found = tuple(tags)
    if len(found) > MOST_TAGS:
        return f"{len(found)} tags; {MOST_TAGS} is the most."
    long = next((tag for tag in found if len(tag) > TAG_LIMIT), "")
    return f"The tag “{long[:20]}…” has {len(long)} characters; {TAG_LIMIT} is the most." if long else ""


def address_problem(url: str) -> str:
    """Why this can't be an address that Tavus calls; "" for one that may be, or for none."""
    text = url.strip()
    if not text:
        return ""
    if len(text) > URL_LIMIT:
        return f"{len(text):,} characters; {URL_LIMIT:,} is the most."
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return "This is not an address. Copy it from the browser's address bar."
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", text):
        return "Begin it with https:// and leave no spaces in it."
    if host == "localhost" or host.endswith(".local") or host.startswith("127.") or host == "::1":
        return "Tavus can't reach an address of this machine: it must be open on the internet."
    return ""


def _shown(value: object, default: object) -> object:
    if isinstance(default, tuple):
        return texts(value) if isinstance(value, list) and len(texts(value)) == len(value) else default
    return value if isinstance(value, type(default)) else default
