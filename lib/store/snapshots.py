"""Snapshots of personas: row <-> model. Every call names the account. Rows are added and read, never changed."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, func, insert, select

from lib.models import Origin, Snapshot
from lib.store.schema import snapshots

NO_CONTENT = [column for column in snapshots.c if column.name not in ("account", "secrets", "content")]

_HEAD = select(func.max(snapshots.c.id))
_ENDS = (
    select(
        func.max(snapshots.c.id).label("newest"),
        func.max(case((snapshots.c.origin != Origin.TAVUS.value, snapshots.c.id))).label("base"),
    )
    .where(snapshots.c.account == bindparam("account"))
    .group_by(snapshots.c.persona_id)
    .subquery()
)
_BASE = snapshots.alias()
_STANDING = (
    select(*[*NO_CONTENT, _BASE.c.hash.label("base_hash")])
    .join_from(_ENDS, snapshots, snapshots.c.id == _ENDS.c.newest)
    .outerjoin(_BASE, _BASE.c.id == _ENDS.c.base)
)
_LINKS = select(snapshots.c.persona_id, snapshots.c.previous_id).where(
    snapshots.c.account == bindparam("account"), snapshots.c.previous_id > ""
)


@dataclass(frozen=True)
class Standing:
    """Where a persona's history stands: its newest snapshot, and the hash of the last state that was meant."""

    newest: Snapshot
    base_hash: str


def head(connection: Connection) -> int:
    """The number of the newest snapshot of all: unchanged as long as nothing was added."""
    return int(connection.execute(_HEAD).scalar_one() or 0)


def standings(connection: Connection, account: str) -> dict[str, Standing]:
    """Every persona that has a history, by its id. Without contents."""
    found = connection.execute(_STANDING, {"account": account})
    return {row.persona_id: Standing(_snapshot(row), row.base_hash or "") for row in found}


def newest_of(connection: Connection, account: str, persona_ids: Collection[str]) -> dict[str, Snapshot]:
    """The newest snapshots of these personas, with their contents."""
    last = (
        select(func.max(snapshots.c.id))
        .where(snapshots.c.account == account, snapshots.c.persona_id.in_(bindparam("ids", expanding=True)))
        .group_by(snapshots.c.persona_id)
    )
    found: dict[str, Snapshot] = {}
    for some in _batches(sorted(persona_ids)):
        rows = connection.execute(select(snapshots).where(snapshots.c.id.in_(last)), {"ids": some})
        found.update({row.persona_id: _snapshot(row) for row in rows})
    return found


def links(connection: Connection, account: str) -> dict[str, str]:
    """The id that each recreated persona had before."""
    return {row.persona_id: row.previous_id for row in connection.execute(_LINKS, {"account": account})}


def add(connection: Connection, account: str, items: Sequence[Snapshot]) -> None:
    """Write new snapshots; their `id` is given by the database."""
    if items:
        connection.execute(insert(snapshots), [_values(account, item) for item in items])


def page(
    connection: Connection, account: str, persona_ids: Collection[str], *, limit: int, before: int | None
) -> list[Snapshot]:
    """Newest first, without contents; `before` is the id of the last one seen."""
    query = select(*NO_CONTENT).where(snapshots.c.account == account, snapshots.c.persona_id.in_(list(persona_ids)))
    if before is not None:
        query = query.where(snapshots.c.id < before)
    return [_snapshot(row) for row in connection.execute(query.order_by(snapshots.c.id.desc()).limit(limit))]


def one(connection: Connection, account: str, snapshot_id: int) -> Snapshot | None:
    """With its content."""
    query = select(snapshots).where(snapshots.c.account == account, snapshots.c.id == snapshot_id)
    row = connection.execute(query).one_or_none()
    return _snapshot(row) if row else None


def _batches(ids: Sequence[str], most: int = 500) -> Iterable[Sequence[str]]:
    return (ids[start : start + most] for start in range(0, len(ids), most))


def _values(account: str, item: Snapshot) -> dict[str, Any]:
    return {
        "account": account,
        "persona_id": item.persona_id,
        "previous_id": item.previous_id,
        "hash": item.hash,
        "at": item.at,
        "origin": item.origin.value,
        "name": item.name,
        "actor": item.actor,
        "reason": item.reason,
        "secrets": list(item.secrets or ()),
        "content": _finite(dict(item.fields or {})),
    }


def _finite(node: Any) -> Any:
    """JSON knows no endless number, and PostgreSQL takes none; one that was sent all the same is kept as a word."""
    if isinstance(node, dict):
        return {name: _finite(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_finite(value) for value in node]
    return str(node) if isinstance(node, float) and not math.isfinite(node) else node


def _snapshot(row: Row[Any]) -> Snapshot:
    known = row._mapping
    return Snapshot(
        id=row.id,
        persona_id=row.persona_id,
        name=row.name,
        hash=row.hash,
        at=row.at,
        origin=Origin(row.origin),
        actor=row.actor,
        reason=row.reason,
        previous_id=row.previous_id,
        fields=known.get("content"),
        secrets=tuple(known["secrets"]) if "secrets" in known else None,
    )
