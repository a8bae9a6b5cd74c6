"""Sessions and their record: row <-> model, and the one way in which a status changes (`advance`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, literal_column, or_, select, update

from lib.models import Mode, PersonaPart, Recording, Session, SessionEvent, Status, Turn, Watch, mode_of
from lib.store import removed, search
from lib.store.schema import events, sessions, turns

OPEN = tuple(status.value for status in Status if status.open)
IDS_AT_ONCE = 500
SHOWN = [sessions.c[field.name] for field in fields(Session)]
"""A session's own columns: the persona's prompt, kept for text chat, would make each row of a list larger."""


# The statements of a start are built once: building one anew takes longer than running it.
_OF_ACCOUNT = select(*SHOWN).where(sessions.c.account == bindparam("account"))
_ONE = _OF_ACCOUNT.where(sessions.c.id == bindparam("id"))
_BY_TOKEN = _OF_ACCOUNT.add_columns(sessions.c.request_hash).where(sessions.c.token == bindparam("token"))
_USAGE = select(
    sessions.c.status,
    sessions.c.created_at,
    sessions.c.waiting_at,
    sessions.c.ended_at,
    sessions.c.max_call_s,
    sessions.c.actor,
).where(
    sessions.c.account == bindparam("account"),
    sessions.c.mode != Mode.TEXT.value,
    or_(sessions.c.status.in_(OPEN), sessions.c.created_at >= bindparam("since")),
)
# So are those of the sweeper, which asks every few seconds.
_OPEN_CALLS = (
    _OF_ACCOUNT.add_columns(sessions.c.owner, sessions.c.seen_at)
    .where(sessions.c.status.in_(OPEN))
    .order_by(sessions.c.created_at)
)
_WITHOUT_RECORD = _OF_ACCOUNT.where(
    sessions.c.status == Status.ENDED.value,
    sessions.c.conversation_id.is_not(None),
    or_(sessions.c.transcript_at.is_(None), sessions.c.perception == "", sessions.c.recordings.is_(None)),
    or_(
        sessions.c.ended_at >= bindparam("since", type_=sessions.c.ended_at.type),
        sessions.c.id.in_(bindparam("followed", expanding=True)),
    ),
)
_ADD, _NOTE = insert(sessions), insert(events)


@dataclass(frozen=True)
class Intent:
    """What a start writes before anything is sent. `persona` is what text chat needs of the persona, no secrets.

    `owner` is the process that sends it, `actor` the person who asked.
    """

    session: Session
    token: str
    request_hash: str
    conversation_name: str
    persona: PersonaPart
    owner: str = ""
    actor: str = ""


@dataclass(frozen=True)
class OpenOne:
    """An open session, with the process that sends its start and when a viewer was last written down."""

    session: Session
    owner: str
    seen_at: datetime | None


@dataclass(frozen=True)
class Usage:
    """What the guard counts: open calls, one person's latest starts, seconds of today that are over and reserved."""

    open_calls: int
    recent_starts: int
    used_s: float
    reserved_s: float


def add(connection: Connection, account: str, intent: Intent) -> None:
    session = intent.session
    values = {
        **{column.name: getattr(session, column.name) for column in SHOWN},
        "account": account,
        "conversation_id": session.conversation_id or None,
        "mode": str(session.mode),
        "status": session.status.value,
        "watch": session.watch.value,
        "token": intent.token,
        "request_hash": intent.request_hash,
        "conversation_name": intent.conversation_name,
        "persona": intent.persona,
        "owner": intent.owner,
        "actor": intent.actor,
    }
    connection.execute(_ADD, values)
    search.add(connection, session.id, session.created_at, session.agent_name)


def advance(
    connection: Connection, session_id: str, *, from_statuses: Collection[Status] | None = None, **values: Any
) -> bool:
    """Change columns, only if the status is still one of `from_statuses`. False if it is not: someone was first."""
    where = [sessions.c.id == session_id]
    if from_statuses is not None:
        where.append(sessions.c.status.in_([status.value for status in from_statuses]))
    plain = {key: value.value if isinstance(value, Mode | Status | Watch) else value for key, value in values.items()}
    return connection.execute(update(sessions).where(*where).values(**plain)).rowcount == 1


def claim(connection: Connection, session_id: str, *, from_statuses: Collection[Status], **values: Any) -> bool:
    """As `advance`, for a conversation's id: only a call that has none yet can be given one."""
    where = (
        sessions.c.id == session_id,
        sessions.c.conversation_id.is_(None),
        sessions.c.mode != Mode.TEXT.value,
        sessions.c.status.in_([status.value for status in from_statuses]),
    )
    plain = {key: value.value if isinstance(value, Mode | Status) else value for key, value in values.items()}
    return connection.execute(update(sessions).where(*where).values(**plain)).rowcount == 1


def settle(connection: Connection, session_id: str, column: str, value: Any) -> bool:
    """Write what is written once; False if somebody was first."""
    empty = sessions.c[column].is_(None) if column == "transcript_at" else sessions.c[column] == ""
    query = update(sessions).where(sessions.c.id == session_id, empty).values({column: value})
    return connection.execute(query).rowcount == 1


def keep_recordings(connection: Connection, session_id: str, recordings: tuple[Recording, ...]) -> list[Recording]:
    """Write what is known of the recordings; those of them that were not known before."""
    query = select(sessions.c.recordings).where(sessions.c.id == session_id).with_for_update()
    row = connection.execute(query).one_or_none()
    before = (row.recordings or ()) if row else recordings
    if row and row.recordings != recordings:
        advance(connection, session_id, recordings=recordings)
    return [recording for recording in recordings if recording not in before]


def one(connection: Connection, account: str, session_id: str) -> Session | None:
    row = connection.execute(_ONE, {"account": account, "id": session_id}).one_or_none()
    return session_of(row) if row else None


def by_token(connection: Connection, account: str, token: str) -> tuple[Session, str] | None:
    """The session that this click token started, and the hash of what was asked for."""
    row = connection.execute(_BY_TOKEN, {"account": account, "token": token}).one_or_none()
    return (session_of(row), row.request_hash) if row else None


def persona_of(connection: Connection, session_id: str) -> PersonaPart:
    value = connection.execute(select(sessions.c.persona).where(sessions.c.id == session_id)).scalar_one_or_none()
    return cast(PersonaPart, value or {})


def holders(connection: Connection, conversation_ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """Account and id of the sessions that hold these conversations, by the conversation's id; of every account.

    Also of sessions that were deleted: what they held belongs to nobody else.
    """
    found: dict[str, tuple[str, str]] = {}
    ids = list(conversation_ids)
    for begin in range(0, len(ids), IDS_AT_ONCE):
        some = ids[begin : begin + IDS_AT_ONCE]
        query = select(sessions.c.conversation_id, sessions.c.account, sessions.c.id)
        query = query.where(sessions.c.conversation_id.in_(some))
        found |= removed.holders(connection, some)
        found |= {row.conversation_id: (row.account, row.id) for row in connection.execute(query)}
    return found


def account_of(connection: Connection, session_id: str) -> str | None:
    """Whose session this is; None if there is none."""
    return connection.execute(select(sessions.c.account).where(sessions.c.id == session_id)).scalar_one_or_none()


def see(connection: Connection, session_ids: Collection[str], at: datetime) -> None:
    """Write down that somebody watches these sessions."""
    connection.execute(update(sessions).where(sessions.c.id.in_(session_ids)).values(seen_at=at))


def open_ones(connection: Connection, account: str) -> list[Session]:
    """Sessions that may hold a room or a chat, newest first."""
    query = _mine(account).where(sessions.c.status.in_(OPEN)).order_by(sessions.c.created_at.desc())
    return [session_of(row) for row in connection.execute(query)]


def open_calls(connection: Connection, account: str) -> list[OpenOne]:
    """All open sessions, as the sweeper needs them, oldest first."""
    found = connection.execute(_OPEN_CALLS, {"account": account})
    return [OpenOne(session_of(row), row.owner, row.seen_at) for row in found]


def without_record(
    connection: Connection, account: str, ended_since: datetime, followed: Collection[str]
) -> list[Session]:
    """Calls that ended lately, or are among `followed`, whose record is not whole."""
    values = {"account": account, "since": ended_since, "followed": list(followed)}
    return [session_of(row) for row in connection.execute(_WITHOUT_RECORD, values)]


def usage(
    connection: Connection, account: str, *, today: datetime, recent: datetime, now: datetime, actor: str
) -> Usage:
    """What counts against the limits: calls only, text chat is free. Starts are those of `actor` since `recent`."""
    found = connection.execute(_USAGE, {"account": account, "since": min(today, recent)})
    open_calls = starts = 0
    used_s = reserved_s = 0.0
    for status, created_at, waiting_at, ended_at, max_call_s, who in found:
        # Not what lies ahead of now: after the clock was set back, that would hold up starts for as long.
        starts += who == actor and recent <= created_at <= now
        if status in OPEN:
            open_calls += 1
            reserved_s += max_call_s
        elif waiting_at and ended_at and created_at >= today:
            used_s += max(0.0, (ended_at - waiting_at).total_seconds())
    used_s += removed.used_s(connection, account, today)
    return Usage(open_calls, starts, used_s, reserved_s)


def turns_of(connection: Connection, session_id: str) -> list[Turn]:
    """The call's transcript first, then what was typed in text chat, each in its order."""
    query = select(turns).where(turns.c.session_id == session_id).order_by(turns.c.source.desc(), turns.c.seq)
    return [_turn(row) for row in connection.execute(query)]


def records(
    connection: Connection, session_ids: Sequence[str]
) -> tuple[dict[str, list[Turn]], dict[str, list[SessionEvent]]]:
    """Turns and timelines of several sessions at once, each in the order of `turns_of` and `timeline`."""
    said: dict[str, list[Turn]] = {session_id: [] for session_id in session_ids}
    happened: dict[str, list[SessionEvent]] = {session_id: [] for session_id in session_ids}
    query = select(turns).where(turns.c.session_id.in_(session_ids)).order_by(turns.c.source.desc(), turns.c.seq)
    for row in connection.execute(query):
        said[row.session_id].append(_turn(row))
    lines = select(events).where(events.c.session_id.in_(session_ids)).order_by(events.c.at, events.c.id)
    for row in connection.execute(lines):
        happened[row.session_id].append(SessionEvent(row.at, row.kind, row.detail))
    return said, happened


def replace_turns(connection: Connection, session_id: str, source: str, items: Sequence[Turn]) -> None:
    """Write a whole transcript in place of the one there, so that reading it twice changes nothing."""
    connection.execute(delete(turns).where(turns.c.session_id == session_id, turns.c.source == source))
    if items:
        connection.execute(insert(turns), [_turn_values(session_id, source, turn) for turn in items])
    search.renew(connection, session_id)


def append_turns(connection: Connection, session_id: str, source: str, items: Sequence[Turn]) -> list[Turn]:
    """Add turns after the last one of this source; gives them back with their numbers."""
    query = select(func.coalesce(func.max(turns.c.seq), literal_column("-1")))
    last = connection.execute(query.where(turns.c.session_id == session_id, turns.c.source == source)).scalar_one()
    numbered = [
        Turn(int(last) + 1 + index, turn.role, turn.content, turn.seconds, turn.duration_s, source)
        for index, turn in enumerate(items)
    ]
    connection.execute(insert(turns), [_turn_values(session_id, source, turn) for turn in numbered])
    search.renew(connection, session_id)
    return numbered


def note(connection: Connection, session_id: str, at: datetime, kind: str, detail: str = "") -> None:
    """One more line of the session's timeline."""
    connection.execute(_NOTE, {"session_id": session_id, "at": at, "kind": kind, "detail": detail})


def timeline(connection: Connection, session_id: str) -> list[SessionEvent]:
    query = select(events).where(events.c.session_id == session_id).order_by(events.c.at, events.c.id)
    return [SessionEvent(row.at, row.kind, row.detail) for row in connection.execute(query)]


def signs_of_life(connection: Connection, session_id: str) -> tuple[int, int]:
    """How many events and how many entries of its transcript there are: either grows while something goes on."""
    told = select(func.count()).select_from(events).where(events.c.session_id == session_id)
    said = select(func.count()).select_from(turns).where(turns.c.session_id == session_id)
    return int(connection.execute(told).scalar_one()), int(connection.execute(said).scalar_one())


def _mine(account: str) -> Any:
    return select(*SHOWN).where(sessions.c.account == account)


def _turn_values(session_id: str, source: str, turn: Turn) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "source": source,
        "seq": turn.seq,
        "role": turn.role,
        "content": turn.content,
        "seconds": turn.seconds,
        "duration_s": turn.duration_s,
    }


def _turn(row: Row[Any]) -> Turn:
    return Turn(row.seq, row.role, row.content, row.seconds, row.duration_s, row.source)


def session_of(row: Row[Any]) -> Session:
    return Session(
        id=row.id,
        agent_id=row.agent_id,
        agent_name=row.agent_name,
        persona_id=row.persona_id,
        persona_name=row.persona_name,
        replica_id=row.replica_id,
        mode=mode_of(row.mode),
        status=Status(row.status),
        created_at=row.created_at,
        max_call_s=row.max_call_s,
        private_room=row.private_room,
        conversation_id=row.conversation_id or "",
        conversation_url=row.conversation_url,
        reason=row.reason,
        reason_code=row.reason_code,
        reason_hint=row.reason_hint,
        waiting_at=row.waiting_at,
        live_at=row.live_at,
        ended_at=row.ended_at,
        end_code=row.end_code,
        end_reason=row.end_reason,
        transcript_at=row.transcript_at,
        perception=row.perception,
        watch=Watch(row.watch),
        checking_until=row.checking_until,
        recordings=row.recordings,
    )
