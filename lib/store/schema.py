"""The tables, as they are after the newest migration. Migrations are written by hand; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine.interfaces import Dialect

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """A UTC datetime as microseconds since 1970: the same bytes and order in SQLite and PostgreSQL."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

agents = Table(
    "agents",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("account", String(200), nullable=False),
    Column("name", Text, nullable=False),
    Column("persona_id", String(100), nullable=False),
    Column("replica_id", String(100), nullable=False),
    Column("call", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("last_used_at", Moment),
    Index("agents_by_account", "account", "created_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("account", String(200), nullable=False),
    Column("agent_id", String(40), nullable=False),
    Column("agent_name", Text, nullable=False),
    Column("persona_id", String(100), nullable=False),
    Column("persona_name", Text, nullable=False),
    Column("replica_id", String(100), nullable=False),
    Column("persona", JSON, nullable=False),
    Column("mode", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("token", String(200), nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("conversation_name", String(200), nullable=False, unique=True),
    Column("conversation_id", String(100), unique=True),
    Column("conversation_url", Text, nullable=False),
    Column("max_call_s", Integer, nullable=False),
    Column("private_room", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("waiting_at", Moment),
    Column("live_at", Moment),
    Column("ended_at", Moment),
    Column("reason_code", String(60), nullable=False),
    Column("reason", Text, nullable=False),
    Column("reason_hint", Text, nullable=False),
    Column("end_code", String(100), nullable=False),
    Column("end_reason", Text, nullable=False),
    Column("transcript_at", Moment),
    Column("perception", Text, nullable=False),
    UniqueConstraint("account", "token", name="sessions_one_per_token"),
    Index("sessions_by_time", "account", "created_at", "id"),
    Index("sessions_by_status", "account", "status"),
)

turns = Table(
    "turns",
    metadata,
    Column("session_id", String(40), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("source", String(20), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("role", String(20), nullable=False),
    Column("content", Text, nullable=False),
    Column("seconds", Float),
    Column("duration_s", Float),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("session_id", String(40), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", String(60), nullable=False),
    Column("detail", Text, nullable=False),
    Index("events_by_session", "session_id", "at"),
)
