"""Requests and callbacks are written together, each once, and forgotten in time; on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from lib.clients.transport import SentRequest
from lib.errors import BadInput, NotFound, StoreRefused
from lib.models import Exchange, Mode, Session, Status, Traffic
from lib.redaction import Redaction
from lib.services.callbacks.inbox import CallbackInbox, Taken
from lib.services.inspector import journal as journals
from lib.services.inspector.callback import read
from lib.services.inspector.journal import KEPT_DAYS, MOST_WAITING, Journal
from lib.services.inspector.service import Inspector
from lib.store import exchanges
from lib.store import sessions as rows
from lib.store.database import Store

KEY = "tvsk_canary_7f3a9c21e5"
ACCOUNT = "me"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REDACTION = Redaction([KEY])


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def opened(store: Store, **how: Any) -> Iterator[tuple[Journal, Inspector]]:
    journal = Journal(store, ACCOUNT, REDACTION, **how)
    journal.open()
    try:
        yield journal, Inspector(store, ACCOUNT, journal, REDACTION)
    finally:
        journal.close()


def session(store: Store, session_id: str, conversation_id: str | None = None, account: str = ACCOUNT) -> None:
    made = Session(
        id=session_id, agent_id="a", agent_name="Demo", persona_id="p", persona_name="", replica_id="r",
        mode=Mode.PHOENIX_REST, status=Status.STARTING, created_at=NOON, max_call_s=600,
    )  # fmt: skip
    with store.writing() as connection:
        rows.add(connection, account, rows.Intent(made, session_id, "", f"gr-{session_id} Demo", {}))
        rows.advance(connection, session_id, conversation_id=conversation_id)


def request(n: int = 0, *, route: str = "/personas/{persona_id}", body: Any = None, **more: Any) -> SentRequest:
    values: dict[str, Any] = {
        "at": NOON + timedelta(milliseconds=n), "method": "GET", "route": route, "status": 200, "ms": 12.5,
        "error_code": "", "number": f"n{n}", "about": f"p{n}", "target": f"/personas/p{n}",
        "body": None if body is None else json.dumps(body).encode(),
    }  # fmt: skip
    return SentRequest(**{**values, **more})


def inbox(journal: Journal, at: datetime = NOON) -> CallbackInbox:
    """The way in before this journal, as a process has it that was just begun."""
    return CallbackInbox(journal._store, journal, REDACTION, hint=lambda _: None, clock=lambda: at)


def post(journal: Journal, session_id: str, body: Any, *, at: datetime = NOON) -> Taken:
    return inbox(journal, at).receive(session_id, json.dumps(body).encode()).result(10)


def test_a_request_is_kept_as_it_went_without_its_secrets_and_with_the_session_that_it_belongs_to(store: Store) -> None:
    session(store, "s-1", "c1")
    session(store, "s-2")
    secret = {"layers": {"llm": {"api_key": "CANARY", "model": "m"}}, "said": f"the key is {KEY}"}
    with opened(store) as (journal, inspector):
        journal.record(request(1, method="POST", route="/personas", target="/personas", body=secret))
        journal.record(request(2, route="/conversations/{conversation_id}", about="c1", target="/conversations/c1"))
        named = {"conversation_name": "gr-s-2 Demo"}
        failed = {"status": None, "error_code": "no_answer", "error": f"No answer to {KEY}.", "about": ""}
        journal.record(request(3, method="POST", route="/conversations", target="/conversations", body=named, **failed))
        journal.record(request(4, route="/conversations", about="", target="/conversations?limit=100&page=1"))
        kept = inspector.page().items
        assert [(one.name, one.session_id) for one in kept] == [
            ("/conversations", ""),
            ("/conversations", "s-2"),
            ("/conversations/{conversation_id}", "s-1"),
            ("/personas", ""),
        ]
        lost, made = inspector.get(kept[1].id), inspector.get(kept[3].id)
        assert (lost.status, lost.code, lost.error, lost.ms) == (None, "no_answer", "No answer to ***.", 12.5)
        assert (made.kind, made.method, made.number, made.about) == (Traffic.REQUEST, "POST", "n1", "p1")
        assert json.loads(made.body or "") == {
            "layers": {"llm": {"api_key": "***", "model": "m"}}, "said": "the key is ***",
        }  # fmt: skip
        assert made.size == len(json.dumps(secret))
        assert kept[0].target == "/conversations?limit=100&page=1"
        assert all(one.body is None for one in kept), "a list does not need the bodies"


def test_an_error_that_repeats_a_secret_of_its_own_request_is_kept_without_it(store: Store) -> None:
    with opened(store) as (journal, inspector):
        step = {"op": "add", "path": "/layers/llm/api_key", "value": "CANARY-4f1c-77"}
        journal.record(request(1, body=[step], error="CANARY-4f1c-77 is no key.", about="CANARY-4f1c-77"))
        (kept,) = inspector.page().items
        assert (kept.error, kept.about) == ("*** is no key.", "***")


def test_a_callback_is_kept_once_under_its_sessions_account(store: Store) -> None:
    session(store, "s-1", "c1")
    session(store, "s-9", "c9", account="another key")
    with opened(store) as (journal, inspector):
        body = {"event_type": "system.shutdown", "conversation_id": "c1", "properties": {"n": 1}}
        assert post(journal, "s-1", body) is Taken.NEW
        assert post(journal, "s-1", body) is Taken.AGAIN
        assert post(journal, "s-1", {**body, "properties": {"n": 2}}) is Taken.NEW
        assert post(journal, "s-1", {**body, "conversation_id": "c9"}) is Taken.OTHER_CALL
        assert post(journal, "s-none", body) is Taken.NO_SESSION
        assert post(journal, "s-9", {**body, "conversation_id": "c9"}) is Taken.NEW
        kept = inspector.page().items
        assert [(one.kind, one.name, one.session_id, one.about) for one in kept] == [
            (Traffic.CALLBACK, "system.shutdown", "s-1", "c1")
        ] * 2
        assert [one.id for one in inspector.callbacks_of("s-1")] == [one.id for one in reversed(kept)]
        assert [one.about for one in inspector.callbacks_of("s-9")] == ["c9"]


def test_one_that_comes_before_its_session_knows_its_conversation_is_kept(store: Store) -> None:
    session(store, "s-1")
    with opened(store) as (journal, _):
        assert post(journal, "s-1", {"event_type": "system.replica_joined", "conversation_id": "c1"}) is Taken.NEW


def test_two_processes_that_take_the_same_one_at_once_keep_it_once(store: Store) -> None:
    session(store, "s-1", "c1")
    with opened(store) as (one, inspector), opened(store) as (two, _):
        bodies = [json.dumps({"event_type": "x", "n": n}).encode() for n in range(200)]
        waiting = [inbox(journal).receive("s-1", raw) for raw in bodies for journal in (one, two)]
        assert {future.result(10) for future in waiting} <= {Taken.NEW, Taken.AGAIN}
        assert len(inspector.callbacks_of("s-1")) == 200
    entry = exchanges.Entry(ACCOUNT, journals._exchange_of(read("s-1", bodies[0], NOON, REDACTION)), "same")
    with store.writing() as connection:
        exchanges.add(connection, [entry])
        exchanges.add(connection, [entry])
    assert len(inspector.callbacks_of("s-1")) == 201


def test_a_burst_costs_few_commits_and_is_on_the_disk_before_it_is_answered(store: Store) -> None:
    session(store, "s-1", "c1")
    commits: list[int] = []
    seen: list[int] = []
    with opened(store) as (journal, inspector):
        event.listen(store.engine, "commit", lambda _: commits.append(1))
        waiting = [inbox(journal).receive("s-1", json.dumps({"event_type": "x", "n": n}).encode()) for n in range(400)]
        for future in waiting:
            future.add_done_callback(lambda _: seen.append(len(commits)))
        wait(waiting, 10)
        assert len(inspector.callbacks_of("s-1")) == 400
    assert 1 <= len(commits) < 100
    assert min(seen) >= 1, "answered before anything was committed"


def test_a_request_waits_for_others_but_not_for_a_callback_and_costs_its_sender_nothing(store: Store) -> None:
    session(store, "s-1", "c1")
    writes = store.writes
    with opened(store) as (journal, inspector):
        journal.record(request(1))
        assert post(journal, "s-1", {"event_type": "x"}, at=NOON + timedelta(seconds=1)) is Taken.NEW
        with store.reading() as connection:
            found = connection.execute(text("SELECT kind FROM exchanges ORDER BY id")).scalars().all()
        assert found == ["request", "callback"]
        journal.record(request(2))
        inspector.page()
    assert store.writes == writes, "the lists that are kept of sessions were read again for it"


def test_what_was_recorded_is_there_after_the_process_and_in_order(store: Store) -> None:
    with opened(store) as (journal, _):
        for n in range(30):
            journal.record(request(n))
    with opened(store) as (_, inspector):
        assert [one.number for one in inspector.page().items] == [f"n{n}" for n in reversed(range(30))]


def test_a_command_without_the_thread_writes_at_its_end(store: Store) -> None:
    journal = Journal(store, ACCOUNT, REDACTION)
    journal.record(request(1))
    with pytest.raises(StoreRefused):
        post(journal, "s-1", {})
    journal.close()
    with store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM exchanges")).scalar_one() == 1


def test_while_the_database_is_away_callbacks_are_refused_and_requests_kept_for_later(store: Store) -> None:
    session(store, "s-1", "c1")
    with opened(store) as (journal, inspector):
        store.close()
        journal.record(request(1))
        with pytest.raises(StoreRefused):
            post(journal, "s-1", {"event_type": "x"})
        journal.record(request(2))
        store.open()
        assert post(journal, "s-1", {"event_type": "x"}) is Taken.NEW
        assert [one.number for one in inspector.page(kind="request").items] == ["n2", "n1"]
        assert inspector.dropped == 0


def test_what_can_not_be_kept_is_counted(tmp_path: Path) -> None:
    journal = Journal(Store("sqlite:///x.db", root=tmp_path), ACCOUNT, REDACTION)
    for n in range(MOST_WAITING + 3):
        journal.record(request(n))
    assert journal.dropped == 3
    journal.close()


def test_a_bug_is_told_to_who_waits_and_stops_nothing(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session(sqlite_store, "s-1", "c1")
    with opened(sqlite_store) as (journal, _):
        with monkeypatch.context() as broken:
            broken.setattr(exchanges, "owners", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                post(journal, "s-1", {"event_type": "x"})
        assert "could not be written" in caplog.text
        assert post(journal, "s-1", {"event_type": "x"}) is Taken.NEW


@pytest.mark.parametrize(("keep_days", "kept"), [(0, KEPT_DAYS), (3, 3), (400, KEPT_DAYS)])
def test_what_is_old_is_forgotten_with_the_records_or_before(store: Store, keep_days: int, kept: int) -> None:
    old = [request(n, at=NOON - timedelta(days=kept, seconds=1 + n)) for n in range(3)]
    young = [request(n + 10, at=NOON - timedelta(days=kept) + timedelta(seconds=5 + n)) for n in range(3)]
    journal = Journal(store, ACCOUNT, REDACTION, keep_days=keep_days, clock=Clock())
    for call in old + young:
        journal.record(call)
    journal.open()
    journal.flush()
    journal.record(request(99))
    with opened(store, keep_days=keep_days, clock=Clock()) as (again, inspector):
        again.record(request(98))
        again.flush()
    journal.close()
    with store.reading() as connection:
        left = connection.execute(text("SELECT number FROM exchanges ORDER BY at")).scalars().all()
    assert left[:3] == ["n10", "n11", "n12"]
    assert inspector.dropped == 0


def test_only_the_newest_are_kept_however_young(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "FORGOTTEN_AT_ONCE", 7)
    with store.writing() as connection:
        entries = [exchanges.Entry(ACCOUNT, _kept(n)) for n in range(50)]
        exchanges.add(connection, entries)
        steps = 0
        while exchanges.forget(connection, NOON - timedelta(days=1), most=20):
            steps += 1
        assert steps == 5
        left = connection.execute(text("SELECT number FROM exchanges ORDER BY id")).scalars().all()
        assert left == [f"n{n}" for n in range(30, 50)]
        assert exchanges.forget(connection, NOON - timedelta(days=1), most=20) == 0


def test_what_belongs_to_a_session_goes_with_it(store: Store) -> None:
    session(store, "s-1", "c1")
    session(store, "s-2", "c2")
    with opened(store) as (journal, inspector):
        for n in (1, 2):
            post(journal, f"s-{n}", {"event_type": "x"})
            journal.record(request(n, route="/conversations/{conversation_id}", about=f"c{n}"))
        journal.record(request(3))
        assert len(inspector.page().items) == 5
        with store.writing() as connection:
            assert exchanges.forget_sessions(connection, ["s-1"]) == 2
        assert {one.session_id for one in inspector.page().items} == {"s-2", ""}


def _kept(n: int, **more: Any) -> Any:
    values: dict[str, Any] = {"number": f"n{n}", "status": 200, "ms": 1.0, "target": f"/personas/p{n}", "body": ""}
    values |= more
    return Exchange(id=0, kind=Traffic.REQUEST, at=NOON + timedelta(seconds=n // 3), name="/p", **values)


def test_pages_go_back_and_forth_without_a_gap_or_a_repeat(store: Store) -> None:
    with store.writing() as connection:
        exchanges.add(connection, [exchanges.Entry(ACCOUNT, _kept(n)) for n in range(23)])
        exchanges.add(connection, [exchanges.Entry("another", _kept(n)) for n in range(23)])
    with opened(store) as (_, inspector):
        seen, page = [], inspector.page(limit=5)
        assert page.previous is None
        while True:
            seen.append([one.number for one in page.items])
            if page.next is None:
                break
            page = inspector.page(limit=5, cursor=page.next)
        assert [number for some in seen for number in some] == [f"n{n}" for n in reversed(range(23))]
        for some in reversed(seen[:-1]):
            page = inspector.page(limit=5, cursor=page.previous, newer=True)
            assert [one.number for one in page.items] == some
        assert page.previous is None
        for bad in ("x", "1", "1~x", "9" * 40 + "~1", "1~" + "9" * 40):
            with pytest.raises(BadInput):
                inspector.page(cursor=bad)


STRANGE = "<img src=x> 50%_off \\ שלום 🎭"


def test_filters_and_words_narrow_the_list_and_any_text_may_be_looked_for(store: Store) -> None:
    with store.writing() as connection:
        exchanges.add(connection, [
            exchanges.Entry(ACCOUNT, _kept(1, status=429, code="rate_limited", error="Too many requests.")),
            exchanges.Entry(ACCOUNT, _kept(2, status=None, code="no_answer")),
            exchanges.Entry(ACCOUNT, _kept(3, status=503, code="server_error")),
            exchanges.Entry(ACCOUNT, _kept(4, body=json.dumps({"said": STRANGE}, ensure_ascii=False))),
            exchanges.Entry(ACCOUNT, _kept(5, session_id="s-1", about="c77")),
        ])  # fmt: skip
    with opened(store) as (_, inspector):

        def numbers(**filters: Any) -> list[str]:
            return [one.number for one in inspector.page(**filters).items]

        assert numbers(statuses=(400, 499)) == ["n1"]
        assert numbers(statuses=(500, 599)) == ["n3"]
        assert numbers(statuses=(0, 0)) == ["n2"]
        assert numbers(kind="callback") == []
        assert numbers(session_id="s-1") == ["n5"]
        assert numbers(text="RATE_LIMITED") == ["n1"]
        assert numbers(text="too MANY") == ["n1"]
        assert numbers(text="c77") == ["n5"]
        assert numbers(text="n4") == ["n4"]
        for part in ("<img src=x>", "50%_off", "שלום", "🎭"):
            assert numbers(text=part) == ["n4"], part
        assert numbers(text="%") == ["n4"], "only the one that has it"
        for nothing in ("50__off", "'", "\0", "\ud800", "x" * 10_000):
            assert numbers(text=nothing) == [], nothing
        with pytest.raises(NotFound):
            inspector.get(10**9)
