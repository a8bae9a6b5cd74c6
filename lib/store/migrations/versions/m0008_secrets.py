"""Takes secrets out of what is kept: those of steps of a patch, of texts within a text, of errors, of old histories."""

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from lib.redaction import HIDDEN, Redaction
from lib.redaction.addresses import signed, unsigned
from lib.redaction.names import is_secret_field
from lib.store.removed import leave_traces
from lib.store.schema import Code, Prose, Word

revision = "m0008_secrets"
down_revision = "m0007_refused_deletions"

PORTION = 500
EXCHANGE: dict[str, Word] = {
    "body": Prose(), "error": Prose(), "target": Prose(), "about": Code(100), "name": Code(120),
}  # fmt: skip
SESSION: dict[str, Word] = {"reason": Prose(), "reason_hint": Prose(), "end_reason": Prose()}
SNAPSHOT: dict[str, Any] = {"id": sa.Integer(), "hash": sa.String(), "secrets": sa.JSON(), "content": sa.JSON()}
TEXTS: dict[str, dict[str, Word]] = {"exchanges": EXCHANGE, "sessions": SESSION, "events": {"detail": Prose()}}


def upgrade() -> None:
    connection = op.get_bind()
    changed = sum(_scrub(connection, table, columns) for table, columns in TEXTS.items())
    if changed + _scrub_snapshots(connection):
        leave_traces(connection)


def _scrub(connection: sa.Connection, name: str, columns: dict[str, Word]) -> int:
    """How many rows had to be changed. What one row holds hides in the rows after it too."""
    table = sa.table(name, sa.column("id"), *(sa.column(*column) for column in columns.items()))
    change = sa.update(table).where(table.c.id == sa.bindparam("row"))
    change = change.values({column: sa.bindparam(f"new_{column}", type_=kind) for column, kind in columns.items()})
    redaction, changed, last = Redaction(), 0, None
    while True:
        query = sa.select(table).order_by(table.c.id).limit(PORTION)
        found = connection.execute(query if last is None else query.where(table.c.id > last)).all()
        if not found:
            return changed
        last = found[-1].id
        clean = [(row, [_clean(redaction, text) for text in row[1:]]) for row in found]
        rows = [(row.id, texts) for row, texts in clean if texts != list(row[1:])]
        values = [
            {"row": number, **{f"new_{column}": text for column, text in zip(columns, texts, strict=True)}}
            for number, texts in rows
        ]
        if values:
            connection.execute(change, values)
        changed += len(values)


def _clean(redaction: Redaction, text: str) -> str:
    """A body as JSON if it is some. An odd text must not keep the program from starting: nothing is left of it."""
    try:
        if text[:1] not in ("{", "["):
            return redaction.text(text)
        try:
            value = json.loads(text)
        except ValueError:  # it was cut when it was kept
            return redaction.text(text)
        redaction.learn(value)
        clean = redaction.value(value)
        return text if clean == value else json.dumps(clean, ensure_ascii=False, separators=(",", ":"))
    except Exception:  # noqa: BLE001 - whatever is odd about one row
        return HIDDEN


def _scrub_snapshots(connection: sa.Connection) -> int:
    """Secrets go from the contents to the list of their paths, as the history reads them today."""
    table = sa.table("snapshots", *(sa.column(name, kind) for name, kind in SNAPSHOT.items()))
    numbers = connection.execute(sa.select(table.c.id)).scalars().all()
    changed = 0
    for number in numbers:
        secrets: set[str] = set()
        try:
            row = connection.execute(sa.select(table).where(table.c.id == number)).one()
            content = _without(row.content, (), secrets)
            paths = sorted({*row.secrets, *secrets})
        except (ValueError, TypeError, AttributeError, RecursionError):
            continue
        if secrets:
            values = {"content": content, "secrets": paths, "hash": _hash(content, paths)}
            connection.execute(sa.update(table).where(table.c.id == number).values(values))
            changed += 1
    return changed


def _without(node: dict[str, Any], path: tuple[str, ...], secrets: set[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in node.items():
        here = (*path, name)
        if value not in ("", {}) and (is_secret_field(name, value) or _signed(value)):
            secrets.add(".".join(here))
        elif isinstance(value, dict):
            inner = _without(value, here, secrets)
            out |= {name: inner} if inner else {}
        else:
            out[name] = _listed(value, here, secrets) if isinstance(value, list) else value
    return out


def _listed(items: list[Any], path: tuple[str, ...], secrets: set[str]) -> list[Any]:
    out: list[Any] = []
    for index, item in enumerate(items):
        here = (*path, str(index))
        if isinstance(item, dict):
            out.append(_without(item, here, secrets))
        elif _signed(item):
            secrets.add(".".join(here))
            out.append(unsigned(item))
        else:
            out.append(_listed(item, here, secrets) if isinstance(item, list) else item)
    return out


def _signed(value: Any) -> bool:
    return isinstance(value, str) and signed(value)


def _hash(content: dict[str, Any], secrets: list[str]) -> str:
    text = json.dumps([content, secrets], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def downgrade() -> None:
    """What was taken out can't be put back."""
