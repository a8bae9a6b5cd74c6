"""The tables, as they are after the newest migration. Migrations are written by hand; a test compares the two."""

from __future__ import annotations

import re
from dataclasses import asdict
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
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeEngine

from lib.models import Recording

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PARTING = "\u2029"
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """The text as each database takes it: PostgreSQL refuses NUL, and both refuse half a surrogate pair."""
    return _UNSTORABLE.sub("\ufffd", text)


class Moment(TypeDecorator[datetime]):
    """A UTC datetime as microseconds since 1970: the same bytes and order in SQLite and PostgreSQL."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Word(TypeDecorator[str]):
    """Text that is kept as `storable` gives it, and looked up so."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value and storable(value)


class Prose(Word):
    """A Word without an end."""

    impl = Text
    cache_ok = True


class Code(Word):
    """A word of Tavus's: PostgreSQL refuses one that is too long, so it is cut."""

    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return super().process_bind_param(value and value[: self.length], dialect)


class SearchWords(TypeDecorator[list[str]]):
    """What `tokens.document` gives, as the index of each database wants it; "" parts what was said one after another.

    FTS5 splits it at its blanks, and a sign that is no word keeps a phrase from going over the parting. PostgreSQL is
    given the words with their places, past its own parser.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(TSVECTOR() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if dialect.name != "postgresql":
            return " ".join(word or PARTING for word in value)
        places: dict[str, list[str]] = {}
        for place, word in enumerate(value, 1):
            places.setdefault(word, []).append(str(place))
        places.pop("", None)
        return " ".join(f"{quoted(word)}:{','.join(at)}" for word, at in places.items())


class Recordings(TypeDecorator[tuple[Recording, ...]]):
    """Pointers to recordings, as a list of JSON objects."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: tuple[Recording, ...] | None, dialect: Dialect) -> list[dict[str, Any]] | None:
        return None if value is None else [asdict(recording) for recording in value]

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[Recording, ...] | None:
        return None if value is None else tuple(Recording(**recording) for recording in value)


def quoted(word: str) -> str:
    """A word as PostgreSQL's search reads it."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", Word(64), primary_key=True),
    Column("value", Prose, nullable=False),
)

agents = Table(
    "agents",
    metadata,
    Column("id", Word(40), primary_key=True),
    Column("account", Word(200), nullable=False),
    Column("name", Prose, nullable=False),
    Column("persona_id", Word(100), nullable=False),
    Column("replica_id", Word(100), nullable=False),
    Column("call", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("last_used_at", Moment),
    Index("agents_by_account", "account", "created_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Word(40), primary_key=True),
    Column("account", Word(200), nullable=False),
    Column("agent_id", Word(40), nullable=False),
    Column("agent_name", Prose, nullable=False),
    Column("persona_id", Word(100), nullable=False),
    Column("persona_name", Prose, nullable=False),
    Column("replica_id", Word(100), nullable=False),
    Column("persona", JSON, nullable=False),
    Column("mode", Word(20), nullable=False),
    Column("status", Word(20), nullable=False),
    Column("token", Word(200), nullable=False),
    Column("request_hash", Word(64), nullable=False),
    Column("conversation_name", Word(200), nullable=False, unique=True),
    Column("conversation_id", Word(100), unique=True),
    Column("conversation_url", Prose, nullable=False),
    Column("max_call_s", Integer, nullable=False),
    Column("private_room", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("waiting_at", Moment),
    Column("live_at", Moment),
    Column("ended_at", Moment),
    Column("reason_code", Code(60), nullable=False),
    Column("reason", Prose, nullable=False),
    Column("reason_hint", Prose, nullable=False),
    Column("end_code", Code(100), nullable=False),
    Column("end_reason", Prose, nullable=False),
    Column("transcript_at", Moment),
    Column("perception", Prose, nullable=False),
    Column("owner", Word(120), nullable=False),
    Column("actor", Word(200), nullable=False),
    Column("watch", Word(10), nullable=False),
    Column("seen_at", Moment),
    Column("checking_until", Moment),
    Column("recordings", Recordings),
    UniqueConstraint("account", "token", name="sessions_one_per_token"),
    Index("sessions_by_time", "account", "created_at", "id"),
    Index("sessions_by_agent", "account", "agent_id", "created_at", "id"),
    Index("sessions_by_status", "account", "status", "created_at", "id"),
    Index("sessions_by_mode", "account", "mode", "created_at", "id"),
)

turns = Table(
    "turns",
    metadata,
    Column("session_id", Word(40), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("source", Word(20), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("role", Word(20), nullable=False),
    Column("content", Prose, nullable=False),
    Column("seconds", Float),
    Column("duration_s", Float),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("session_id", Word(40), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", Word(60), nullable=False),
    Column("detail", Prose, nullable=False),
    Index("events_by_session", "session_id", "at"),
)

search = Table(
    "search",
    metadata,
    # INTEGER makes it SQLite's own row number, which the FTS5 table search_index shares.
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("session_id", Word(40), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("words", SearchWords, nullable=False),
)

# Rows are only ever added. The content comes last: what only reads the columns before it need not fetch it.
snapshots = Table(
    "snapshots",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account", Word(200), nullable=False),
    Column("persona_id", Word(100), nullable=False),
    Column("previous_id", Word(100), nullable=False),
    Column("hash", Word(16), nullable=False),
    Column("at", Moment, nullable=False),
    Column("origin", Word(20), nullable=False),
    Column("name", Prose, nullable=False),
    Column("actor", Prose, nullable=False),
    Column("reason", Prose, nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("content", JSON, nullable=False),
    Index("snapshots_by_persona", "account", "persona_id", "id", "origin"),
    Index("snapshots_by_previous", "account", "previous_id", "persona_id"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Word(240), primary_key=True),
    Column("owner", Word(120), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("beat", Integer, nullable=False),
    Column("held", Boolean, nullable=False),
)

# What went to Tavus and what came from it. A callback has a digest, by which it is known when it comes again.
exchanges = Table(
    "exchanges",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("account", Word(200), nullable=False),
    Column("kind", Word(10), nullable=False),
    Column("at", Moment, nullable=False),
    Column("number", Word(20), nullable=False),
    Column("session_id", Word(40), nullable=False),
    Column("about", Code(100), nullable=False),
    Column("name", Code(120), nullable=False),
    Column("method", Word(10), nullable=False),
    Column("target", Prose, nullable=False),
    Column("status", Integer),
    Column("ms", Float),
    Column("code", Code(60), nullable=False),
    Column("error", Prose, nullable=False),
    Column("size", Integer, nullable=False),
    Column("digest", Word(64), unique=True),
    Column("body", Prose, nullable=False),
    Index("exchanges_by_time", "account", "at", "id"),
    Index("exchanges_by_session", "session_id", "at", "id"),
)

# What is left of a session that was deleted: that its click is used up, its minutes of that day, what Tavus still has.
removed = Table(
    "removed",
    metadata,
    Column("session_id", Word(40), primary_key=True),
    Column("account", Word(200), nullable=False),
    Column("token", Word(200), nullable=False),
    Column("conversation_id", Word(100)),
    Column("created_at", Moment, nullable=False),
    Column("removed_at", Moment, nullable=False),
    Column("used_s", Float, nullable=False),
    Column("at_tavus", Boolean, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("again_at", Moment),
    Column("refusal", Prose, nullable=False, server_default=""),
    Index("removed_by_time", "account", "created_at"),
    Index("removed_by_token", "account", "token"),
    Index("removed_by_conversation", "conversation_id"),
)
