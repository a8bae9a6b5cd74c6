"""What the lists of objectives, guardrails and documents have in common: order, search, tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from lib.sandbox.state import Row
from lib.sandbox.wire.responses import page_of

DESCENDING = ("descending", "desc")
"""The spec's word, and the one that the official command line sends."""


def listed(rows: Sequence[Row], asked: Mapping[str, str], *, named_by: tuple[str, str]) -> list[Row]:
    """The rows that fit `name_or_uuid` and `tags`, the oldest first unless `sort` says otherwise.

    `named_by`: the fields of name and id, of which a part is enough, in any case. `tags`: commas part them, and one
    that fits is enough.
    """
    wanted = asked.get("name_or_uuid", "").strip().lower()
    found = [row for row in rows if any(wanted in str(row[field]).lower() for field in named_by)] if wanted else [*rows]
    for name in ("tags", "participant_tags"):
        if tags := {one.strip() for one in asked.get(name, "").split(",")} - {""}:
            found = [row for row in found if not tags.isdisjoint(row.get(name) or ())]
    return sorted(found, key=lambda row: str(row["created_at"]), reverse=asked.get("sort") in DESCENDING)


def tags_page(request: Request, rows: Sequence[Row], *, id_field: str, ids_name: str) -> dict[str, Any]:
    """Each tag with the ids that carry it: `{"tags": [{"tag", ids_name: [...]}], "total_count"}`, pages from 1."""
    wanted = request.query_params.get("search", "").lower()
    carried: dict[str, list[str]] = {}
    for row in rows:
        for tag in dict.fromkeys(row["tags"]):
            if wanted in tag.lower():
                carried.setdefault(tag, []).append(row[id_field])
    page = page_of(request, [{"tag": tag, ids_name: carried[tag]} for tag in sorted(carried)])
    return {"tags": page["data"], "total_count": page["total_count"]}
