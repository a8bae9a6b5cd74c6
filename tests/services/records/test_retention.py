"""What is deleted is gone: from every table, from the index, from the bytes of the files, and at Tavus if asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import requests
from sqlalchemy import text

from lib.errors import Ambiguous, Conflict, KeyRefused, NotFound, NotSent, RateLimited, UpstreamRejected
from lib.models import Exchange, Recording, Session, SessionEvent, Status, Traffic, Turn
from lib.services.ledger.ledger import Ledger
from lib.services.records import retention
from lib.services.records.retention import Retention
from lib.store import exchanges, lists, removed, scrub
from lib.store import sessions as rows
from lib.store.database import Store
from lib.store.statement_timeout import StatementTimeout
from lib.wiring import Services
from tests.databases import written
from tests.house import demo, fault, house, log, reaches, until
from tests.sandbox_server import running_sandbox
from tests.store.seeding import ACCOUNT, NOW, session

DAY = timedelta(days=1)
MARK = "xyzzy"
"""Stands in every field of a record that can hold what a person said or wrote, after the name of the record: FTS5
writes only what differs from the word before."""


def keeper(store: Store, **kept: Any) -> Retention:
    def nobody(conversation_id: str) -> None:
        raise AssertionError(f"nothing is to be deleted at Tavus, and {conversation_id} was")

    return Retention(Ledger(store, ACCOUNT, clock=lambda: NOW), nobody, **kept)


def keep(store: Store, name: str, at: datetime, *, status: Status = Status.ENDED, account: str = ACCOUNT) -> None:
    """A whole record with the mark in all that was said and written."""
    mark = f"{name}{MARK}"
    begun = session(name, agent_name=f"{mark}agent", persona_name=f"{mark}persona", created_at=at)
    with store.writing() as connection:
        intent = rows.Intent(begun, f"token-{name}", "", f"Greenroom {name}", {"system_prompt": f"{mark}prompt"})
        rows.add(connection, account, intent)
        turns = [Turn(n, "user", f"{mark}said{n} " * 40) for n in range(30)]
        rows.replace_turns(connection, name, "tavus", [*turns, Turn(30, "system", f"{mark}system")])
        rows.append_turns(connection, name, "chat", [Turn(0, "user", f"{mark}typed")])
        rows.note(connection, name, at, "start", f"{mark}detail")
        rows.advance(
            connection, name, status=status, conversation_id=f"c-{name}", waiting_at=at,
            ended_at=at + timedelta(minutes=6),
            perception=f"{mark}impression", reason=f"{mark}reason", end_reason=f"{mark}why", end_code="ended_here",
            recordings=(Recording(f"{mark}bucket", f"{mark}key", 3.0, "s3"),),
        )  # fmt: skip
        callback = Exchange(
            0, Traffic.CALLBACK, at, "application.transcription_ready", session_id=name, body=f"{mark}body"
        )
        exchanges.add(connection, [exchanges.Entry(account, callback, digest=name)])


def everything(store: Store) -> str:
    """All that can be read from the database and, of SQLite, from its files."""
    held = written(store)
    if store.sqlite:
        files = list(store.directory.glob("greenroom.db*"))
        assert len(files) >= 2
        return held + "".join(path.read_bytes().decode("latin-1") for path in files)
    with store.reading() as connection:
        return held + repr(connection.execute(text("SELECT words FROM search")).all())


def test_a_purge_leaves_no_byte_of_what_is_too_old_and_all_of_the_rest(store: Store) -> None:
    keep(store, "old1", NOW - 31 * DAY)
    keep(store, "open", NOW - 31 * DAY, status=Status.LIVE)
    keep(store, "old2", NOW - 30 * DAY - timedelta(seconds=1), account="other")
    keep(store, "new1", NOW - 30 * DAY + timedelta(seconds=1))
    keep(store, "new2", NOW)
    assert all(f"{name}{MARK}" in everything(store) for name in ("old1", "old2", "new1", "open"))
    if store.sqlite:
        # An index that has grown together: what is deleted from it is only marked at first.
        with store.writing() as connection:
            connection.execute(text("INSERT INTO search_index (search_index) VALUES ('optimize')"))
    assert keeper(store, days=30).purge(NOW) == 2
    left = everything(store)
    assert not any(f"{name}{MARK}" in left for name in ("old1", "old2"))
    for name in ("open", "new1", "new2"):
        assert f"{name}{MARK}body" in left
    with store.reading() as connection:
        found = lists.page(StatementTimeout(connection, 5), ACCOUNT, lists.SessionFilters(), limit=9, place=None)
        assert sorted(one.id for one in found.sessions) == ["new1", "new2", "open"]
        gone = lists.SessionFilters(text=f"old1{MARK}said3")
        assert lists.page(StatementTimeout(connection, 5), ACCOUNT, gone, limit=9, place=None).sessions == ()


def test_records_are_kept_for_ever_unless_that_is_set_otherwise(store: Store) -> None:
    keep(store, "old1", NOW - 4000 * DAY)
    assert keeper(store).purge(NOW) == 0
    assert f"old1{MARK}said" in everything(store)


def test_many_old_records_go_in_portions_and_the_file_becomes_shorter(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "TOGETHER", 7)
    for n in range(40):
        keep(sqlite_store, f"s{n}", NOW - 9 * DAY + timedelta(minutes=n))
    before = sqlite_store.describe().size_bytes
    with sqlite_store.engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    full = sqlite_store.describe().size_bytes
    assert keeper(sqlite_store, days=1).purge(NOW) == 40
    after = sqlite_store.describe().size_bytes
    assert before and full and after and after < full / 2
    assert MARK not in everything(sqlite_store)


def test_one_record_is_deleted_with_all_that_belongs_to_it_and_the_rest_stays(store: Store) -> None:
    keep(store, "mine", NOW)
    keep(store, "next", NOW)
    keep(store, "open", NOW, status=Status.LIVE)
    one = keeper(store)
    one.delete("mine")
    until(lambda: f"mine{MARK}" not in everything(store))
    assert f"next{MARK}" in everything(store)
    with pytest.raises(NotFound):
        one.delete("mine")
    with pytest.raises(Conflict, match="still open"):
        one.delete("open")
    assert f"open{MARK}" in everything(store)
    one.close()


def test_traces_that_a_process_left_behind_are_seen_to_by_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, "mine", NOW - 2 * DAY)
    with monkeypatch.context() as stopped:
        stopped.setattr(retention, "scrub", lambda *_: False)
        assert keeper(store, days=1).purge(NOW) == 1
    if store.sqlite:
        assert f"mine{MARK}" in everything(store)
    assert keeper(store, days=1).purge(NOW) == 0
    assert f"mine{MARK}" not in everything(store)
    scrubbed = Mock(return_value=True)
    monkeypatch.setattr(retention, "scrub", scrubbed)
    keeper(store, days=1).purge(NOW)
    assert not scrubbed.called


def test_readers_hold_up_the_scrubbing_for_a_moment_only_and_it_says_that_it_is_not_done(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrub, "CHECKPOINT_WAIT_MS", 5)
    monkeypatch.setattr(scrub, "CHECKPOINT_TRIES", 2)
    keep(sqlite_store, "mine", NOW)
    with sqlite_store.reading() as reader:
        reader.execute(text("SELECT count(*) FROM sessions")).all()
        with sqlite_store.writing() as connection:
            removed.remove(connection, ["mine"], at=NOW, at_tavus=False)
        assert scrub.scrub(sqlite_store) is False
    assert scrub.scrub(sqlite_store) is True
    assert MARK not in everything(sqlite_store)


def test_the_minutes_and_the_click_of_what_was_deleted_stay_used_up(store: Store) -> None:
    today = NOW.replace(hour=0, minute=0)
    keep(store, "mine", NOW)
    keeper(store).delete("mine")
    with store.reading() as connection:
        usage = rows.usage(connection, ACCOUNT, today=today, recent=NOW, now=NOW, actor="")
        assert usage.used_s == 360
        assert removed.had_token(connection, ACCOUNT, "token-mine")
        assert rows.holders(connection, ["c-mine", "c-none"]) == {"c-mine": (ACCOUNT, "mine")}
    keeper(store).purge(NOW + 3 * DAY)
    with store.reading() as connection:
        assert not removed.had_token(connection, ACCOUNT, "token-mine")


def test_two_processes_that_purge_at_once_delete_each_record_once(store: Store) -> None:
    for n in range(40):
        keep(store, f"s{n}", NOW - 9 * DAY + timedelta(minutes=n))
    purging = [keeper(store, days=1) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda one: one.purge(NOW), purging))
    assert sum(done) == 40
    assert MARK not in written(store)


# at Tavus

Housed = Callable[..., AbstractContextManager[Services]]
DELETE = "DELETE /v2/conversations"


@pytest.fixture
def sandbox() -> Iterator[str]:
    with running_sandbox() as running:
        yield running.url


@pytest.fixture
def housed(sandbox: str, tmp_path: Path, database_url: str) -> Housed:
    return partial(house, sandbox, tmp_path, database=database_url)


def called(services: Services, token: str = "t") -> Session:
    """A call that was held and has ended."""
    begun = services.sessions.start_and_wait(demo(services).id, token=token)
    reaches(services, begun, Status.LIVE, Status.WAITING)
    services.sessions.end(begun.id)
    return reaches(services, begun, Status.ENDED)


def known(sandbox: str, conversation_id: str) -> bool:
    url = f"{sandbox}/v2/conversations/{conversation_id}"
    return requests.get(url, headers={"x-api-key": "k"}, timeout=5).ok


def test_a_record_is_deleted_at_tavus_only_where_that_is_asked(housed: Housed, sandbox: str) -> None:
    with housed() as services:
        kept = called(services)
        services.retention.delete(kept.id)
        with pytest.raises(NotFound):
            services.sessions.get(kept.id)
        assert known(sandbox, kept.conversation_id)
        with pytest.raises(Conflict, match="deleted"):
            services.sessions.start(demo(services).id, token="t")
    assert log(sandbox, DELETE) == []


def test_what_tavus_fails_to_delete_is_tried_again_also_by_the_next_process(housed: Housed, sandbox: str) -> None:
    with housed() as services:
        session = called(services)
        fault(sandbox, f"{DELETE}/*", status=500, times=-1)
        services.retention.delete(session.id, at_tavus=True)
        until(lambda: log(sandbox, DELETE))
        assert known(sandbox, session.conversation_id)
    requests.post(f"{sandbox}/_sandbox/faults", json=[], timeout=5)
    with housed() as services:
        until(lambda: not known(sandbox, session.conversation_id))
        assert log(sandbox, DELETE)[-1]["query"] == {"hard": "true"}
        seen = len(log(sandbox, DELETE))
        services.retention.purge(datetime.now(UTC))
        assert len(log(sandbox, DELETE)) == seen


def test_what_is_no_longer_at_tavus_needs_no_second_try(housed: Housed, sandbox: str) -> None:
    with housed() as services:
        session = called(services)
        url = f"{sandbox}/v2/conversations/{session.conversation_id}?hard=true"
        requests.delete(url, headers={"x-api-key": "k"}, timeout=5)
        services.retention.delete(session.id, at_tavus=True)

        def settled() -> bool:
            with services.store.reading() as connection:
                return not removed.count_waiting(connection, services.account)

        until(settled)


def test_the_process_that_sweeps_purges_by_itself_and_at_tavus_if_it_is_set(housed: Housed, sandbox: str) -> None:
    with housed() as services:
        session = called(services)
        with services.store.writing() as connection:
            old = datetime.now(UTC) - 3 * DAY
            rows.advance(connection, session.id, created_at=old)
            connection.execute(text("UPDATE search SET number = :n"), {"n": int(old.timestamp() * 1_000_000)})
    with housed(retention_days=2, retention_at_tavus=True) as services:
        until(lambda: not services.sessions.page().items)
        until(lambda: not known(sandbox, session.conversation_id))


def test_a_deleted_session_does_not_come_back_from_tavuss_list(housed: Housed, sandbox: str) -> None:
    with housed() as services:
        session = called(services)
        services.retention.delete(session.id)
    with housed() as services:
        until(lambda: services.ready)
        assert services._sweeper is not None
        reconciler = services._sweeper._reconciler
        reconciler._last_ended = -1e9
        reconciler.look()
        assert services.sessions.page().items == ()
    assert "status=ended" in str(log(sandbox, "GET /v2/conversations")) or log(sandbox, "GET /v2/conversations")


def test_a_timeline_event_is_deleted_with_its_session(store: Store) -> None:
    keep(store, "mine", NOW)
    with store.writing() as connection:
        assert rows.timeline(connection, "mine") == [SessionEvent(NOW, "start", f"mine{MARK}detail")]
        removed.remove(connection, ["mine"], at=NOW, at_tavus=False)
        assert rows.timeline(connection, "mine") == []


# what stands in the way of the others

REFUSES = {
    "sqlite": (
        "CREATE TRIGGER no BEFORE DELETE ON sessions WHEN substr(OLD.id, 1, 3) = 'bad' "
        "BEGIN SELECT RAISE(ABORT, 'not it'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION no() RETURNS trigger AS $$ BEGIN IF left(OLD.id, 3) = 'bad' THEN RAISE EXCEPTION 'not it'; "
        "END IF; RETURN OLD; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER no BEFORE DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION no()",
    ),
}


class Tavus:
    """What Tavus does with each deletion. `now` is the ledger's clock."""

    def __init__(self, store: Store, **errors: Exception) -> None:
        self.errors, self.now = errors, NOW
        self.asked: list[str] = []
        ledger = Ledger(store, ACCOUNT, clock=lambda: self.now)
        self.retention = Retention(ledger, self.delete)

    def delete(self, conversation_id: str) -> None:
        self.asked.append(conversation_id)
        if error := self.errors.get(conversation_id.removeprefix("c-")):
            raise error

    def gone(self, store: Store, *names: str) -> None:
        for n, name in enumerate(names):
            keep(store, name, NOW - DAY + timedelta(minutes=n))
        with store.writing() as connection:
            removed.remove(connection, list(names), at=NOW, at_tavus=True)

    def work(self, at: datetime = NOW) -> list[str]:
        """What is asked for in one go."""
        self.now, self.asked = at, []
        self.retention._work()
        return self.asked


@pytest.mark.parametrize(
    "error",
    [
        KeyRefused("Tavus refused the key (403).", status=403),
        UpstreamRejected("Tavus rejected it: it is on legal hold.", status=400),
        Ambiguous("Tavus failed (500).", status=500),
        Conflict("Tavus says that it is another."),
        ValueError("odd data"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_one_that_tavus_refuses_is_set_aside_with_its_reason_and_the_others_go_on(
    error: Exception, store: Store
) -> None:
    tavus = Tavus(store, first=error)
    tavus.gone(store, "first", "second", "third")
    assert tavus.work() == ["c-first", "c-second", "c-third"]
    assert tavus.retention.waiting() == 1
    (one,) = tavus.retention.refused()
    assert one.conversation_id == "c-first" and one.tries == 1 and one.reason
    assert isinstance(error, ValueError) or str(error) in one.reason
    assert tavus.work(NOW + timedelta(minutes=1)) == []


def test_one_of_three_calls_that_tavus_does_not_delete_keeps_no_other_there(housed: Housed, sandbox: str) -> None:
    with housed(max_concurrent_calls=9) as services:
        calls = [called(services, token=f"t{n}") for n in range(3)]
        fault(sandbox, f"{DELETE}/{calls[0].conversation_id}", status=403, times=-1, body={"message": "On hold"})
        for one in calls:
            services.retention.delete(one.id, at_tavus=True)
        until(lambda: not known(sandbox, calls[1].conversation_id) and not known(sandbox, calls[2].conversation_id))
        (left,) = until(services.retention.refused)
        assert left.conversation_id == calls[0].conversation_id and "403" in left.reason


def test_it_is_tried_again_ever_less_often_also_by_the_next_process_until_it_works(store: Store) -> None:
    tavus = Tavus(store, first=UpstreamRejected("On hold.", status=400))
    tavus.gone(store, "first")
    at, waits = NOW, []
    for _ in range(14):
        assert tavus.work(at) == ["c-first"]
        with store.reading() as connection:
            (one,) = removed.refused(connection, ACCOUNT, limit=9)
        assert one.again_at is not None
        waits.append((one.again_at - at).total_seconds())
        assert tavus.work(one.again_at - timedelta(seconds=1)) == []
        at = one.again_at
    assert waits[0] < 3600 and all(a <= b for a, b in pairwise(waits))
    assert waits[-1] == waits[-2] == 86_400
    after = Tavus(store)
    assert after.work(at - timedelta(seconds=1)) == ["c-first"]
    assert after.retention.refused() == () and after.retention.waiting() == 0


@pytest.mark.parametrize("error", [NotSent("No way there."), RateLimited("Slow down.", retry_after_s=5)])
def test_a_tavus_that_can_not_be_asked_is_not_asked_about_each_and_none_is_to_blame(
    error: Exception, store: Store
) -> None:
    tavus = Tavus(store, **{f"n{n}": error for n in range(60)})
    tavus.gone(store, *(f"n{n}" for n in range(60)))
    assert len(tavus.work()) == 1
    assert tavus.retention.refused() == () and tavus.retention.waiting() == 60
    tavus.errors.clear()
    assert len(tavus.work()) == 60


def test_a_tavus_that_refuses_everything_is_asked_a_few_times_and_then_left_in_peace(store: Store) -> None:
    names = [f"n{n}" for n in range(60)]
    tavus = Tavus(store, **dict.fromkeys(names, KeyRefused("No.", status=401)))
    tavus.gone(store, *names)
    assert 1 < len(tavus.work()) < 10
    tavus.errors.clear()
    assert tavus.work(NOW + timedelta(seconds=1))[0] == "c-n5"


def test_a_record_that_can_not_be_deleted_here_keeps_none_of_the_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "TOGETHER", 3)
    for n, name in enumerate(("bad1", "s1", "s2", "bad2", "s3", "s4", "s5")):
        keep(store, name, NOW - 9 * DAY + timedelta(minutes=n))
    with store.writing() as connection:
        for statement in REFUSES["sqlite" if store.sqlite else "postgresql"]:
            connection.exec_driver_sql(statement)
    assert keeper(store, days=1).purge(NOW) == 5
    with store.reading() as connection:
        timeout = StatementTimeout(connection, 5)
        left = lists.page(timeout, ACCOUNT, lists.SessionFilters(), limit=9, place=None).sessions
    assert sorted(one.id for one in left) == ["bad1", "bad2"]
    assert not any(f"s{n}{MARK}" in everything(store) for n in range(1, 6))
