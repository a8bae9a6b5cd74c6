"""Agents: row <-> model. Every call names the account, so that lists never mix the sandbox's with Tavus's."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from lib.models import Agent, CallSettings
from lib.store.schema import agents, meta

_ONE = select(agents).where(agents.c.account == bindparam("account"), agents.c.id == bindparam("id"))
_LOCKED = _ONE.with_for_update()
UNKNOWN = "unknown"
CALL_FIELDS = {field.name for field in fields(CallSettings)} - {UNKNOWN}
CALL_LISTS = ("document_ids", "document_tags")


def every(connection: Connection, account: str) -> list[Agent]:
    """All agents of the account, oldest first."""
    query = select(agents).where(agents.c.account == account).order_by(agents.c.created_at, agents.c.id)
    return [_agent(row) for row in connection.execute(query)]


def one(connection: Connection, account: str, agent_id: str) -> Agent | None:
    row = connection.execute(_ONE, {"account": account, "id": agent_id}).one_or_none()
    return _agent(row) if row else None


def locked(connection: Connection, account: str, agent_id: str) -> Agent | None:
    """The agent, which nobody else changes before this transaction ends: SQLite's writers are one at a time anyway."""
    row = connection.execute(_LOCKED, {"account": account, "id": agent_id}).one_or_none()
    return _agent(row) if row else None


def count(connection: Connection, account: str) -> int:
    query = select(func.count()).select_from(agents).where(agents.c.account == account)
    return int(connection.execute(query).scalar_one())


def add(connection: Connection, account: str, agent: Agent) -> bool:
    """False if one of this id is there already."""
    return _insert(connection, agents, account=account, **_values(agent))


def replace(connection: Connection, account: str, agent: Agent) -> None:
    """Write the whole agent, which this transaction has `locked`."""
    values = _values(agent)
    connection.execute(
        update(agents).where(agents.c.account == account, agents.c.id == values.pop("id")).values(**values)
    )


def touch(connection: Connection, account: str, agent_id: str, at: datetime) -> None:
    """Note that the agent was used."""
    connection.execute(
        update(agents).where(agents.c.account == account, agents.c.id == agent_id).values(last_used_at=at)
    )


def remove(connection: Connection, account: str, agent_id: str) -> bool:
    return connection.execute(delete(agents).where(agents.c.account == account, agents.c.id == agent_id)).rowcount == 1


def first_time(connection: Connection, key: str) -> bool:
    """True for the first one who asks with this key, for ever."""
    return _insert(connection, meta, key=key, value="done")


def _insert(connection: Connection, table: Table, **values: Any) -> bool:
    """False if another one has its key, also one that another process is writing."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
    return connection.execute(statement.returning(*table.primary_key)).first() is not None


def _values(agent: Agent) -> dict[str, Any]:
    return {
        "id": agent.id,
        "name": agent.name,
        "persona_id": agent.persona_id,
        "replica_id": agent.replica_id,
        "call": _stored(agent.call),
        "created_at": agent.created_at,
        "updated_at": agent.updated_at,
        "last_used_at": agent.last_used_at,
    }


def _agent(row: Row[Any]) -> Agent:
    return Agent(
        id=row.id,
        name=row.name,
        persona_id=row.persona_id,
        replica_id=row.replica_id,
        call=_call(row.call),
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_used_at=row.last_used_at,
    )


def _stored(call: CallSettings) -> dict[str, Any]:
    known = asdict(call)
    return {**known.pop(UNKNOWN), **known}


def _call(stored: dict[str, Any]) -> CallSettings:
    known = {key: value for key, value in stored.items() if key in CALL_FIELDS}
    lists = {key: tuple(known[key]) for key in CALL_LISTS if key in known}
    unknown = {key: value for key, value in stored.items() if key not in CALL_FIELDS}
    return CallSettings(**{**known, **lists}, unknown=unknown)
