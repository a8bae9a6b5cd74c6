"""Leases: which process does what only one may do. Every change is by comparison, so that one of two wins."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from lib.store.schema import leases

# Built once, since the sweeper asks every few seconds for as long as the process runs.
_READ = select(leases).where(leases.c.name == bindparam("lease"))
_MINE = (
    leases.c.name == bindparam("lease"),
    leases.c.owner == bindparam("holder"),
    leases.c.epoch == bindparam("term"),
)
_RENEW = update(leases).where(*_MINE).values(beat=leases.c.beat + 1, held=True)


@dataclass(frozen=True)
class LeaseRow:
    """A lease as it stands. `beat` grows with each renewal, `epoch` with each new holder; `held` False: let go."""

    owner: str
    epoch: int
    beat: int
    held: bool


def read(connection: Connection, name: str) -> LeaseRow | None:
    row = connection.execute(_READ, {"lease": name}).one_or_none()
    return LeaseRow(row.owner, row.epoch, row.beat, row.held) if row else None


def make(connection: Connection, name: str, owner: str) -> bool:
    """Become the first holder ever; False if another was first."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    first = dialect.insert(leases).values(name=name, owner=owner, epoch=1, beat=0, held=True)
    return connection.execute(first.on_conflict_do_nothing().returning(leases.c.name)).first() is not None


def take(connection: Connection, name: str, owner: str, seen: LeaseRow) -> bool:
    """Become the holder, unless the lease is no longer as it was seen."""
    return _change(connection, name, seen, owner=owner, epoch=seen.epoch + 1, beat=0, held=True)


def renew(connection: Connection, name: str, owner: str, epoch: int) -> bool:
    """One more sign of life; False if another holds it by now."""
    return connection.execute(_RENEW, {"lease": name, "holder": owner, "term": epoch}).rowcount == 1


def let_go(connection: Connection, name: str, owner: str, epoch: int) -> None:
    """Leave it to whoever comes next, who need not wait then."""
    given_back = update(leases).where(*_MINE).values(held=False)
    connection.execute(given_back, {"lease": name, "holder": owner, "term": epoch})


def _change(connection: Connection, name: str, seen: LeaseRow, **values: object) -> bool:
    same = (
        leases.c.name == name,
        leases.c.owner == seen.owner,
        leases.c.epoch == seen.epoch,
        leases.c.beat == seen.beat,
    )
    return connection.execute(update(leases).where(*same).values(**values)).rowcount == 1
