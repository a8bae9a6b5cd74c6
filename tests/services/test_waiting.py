"""Nobody waits for ever: an error that nobody thought of ends what others wait for, and says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from lib.errors import Ambiguous, GreenroomError, SettingsWrong, StoreRefused, UpstreamError
from lib.services.callbacks.inbox import Taken
from lib.services.inspector import journal as journals
from lib.services.modes.workers import launcher, left_workers
from lib.services.modes.workers.kubernetes.api import Cluster
from lib.services.modes.workers.launcher import WorkerState
from lib.services.modes.workers.limits import WorkerLimits
from lib.services.modes.workers.local import LocalLauncher
from lib.store import exchanges
from lib.store import sessions as rows
from lib.store.database import Store
from tests.house import house, until
from tests.sandbox_server import RunningSandbox
from tests.services.chat.test_sessions import chatting, kept, streamed
from tests.services.inspector.test_journal import opened, post, request
from tests.services.inspector.test_journal import session as kept_session
from tests.services.modes.test_kubernetes import STAY as CLUSTERED
from tests.services.modes.test_kubernetes import clustered
from tests.services.modes.test_kubernetes import plan as cluster_plan
from tests.services.modes.test_launcher import Ear, plan, started
from tests.services.modes.test_pipecat_daily import PLAN, STAY, Listener, mode_with, rooms, running_calls


class Mistake(Exception):
    """What nobody thought of."""


class Mistaken(Listener):
    """Hears what is said, and can do nothing about the rest."""

    def broken(self, session_id: str, error: GreenroomError) -> None:
        raise Mistake

    def answer(self, session_id: str, turns: list[tuple[str, str]]) -> str:
        raise Mistake


def wrong(*_: object, **__: object) -> Any:
    raise Mistake


def within(act: Callable[[], object], within_s: float = 5.0) -> object:
    """What `act` raises or gives; AssertionError where it does not come back."""
    told: Future[object] = Future()

    def run() -> None:
        try:
            told.set_result(act())
        except Exception as error:  # noqa: BLE001
            told.set_result(error)

    threading.Thread(target=run, daemon=True).start()
    return told.result(within_s)


# text chat


def test_a_mistake_while_an_answer_is_kept_is_told_and_the_chat_goes_on(
    sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chatting(sandbox, tmp_path, streamed("One."), streamed("Two.")) as (services, session, _):
        with monkeypatch.context() as broken:
            broken.setattr(rows, "append_turns", wrong)
            assert isinstance(within(lambda: services.chats.say(session.id, "Hello")), UpstreamError)
        assert services.chats.answering(session.id) is None
        assert services.chats.say(session.id, "Hello").content == "Two."


def test_a_table_that_takes_no_turn_is_told_and_the_chat_goes_on(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with chatting(sandbox, tmp_path, streamed("One."), streamed("Two.")) as (services, session, _):
        with services.store.writing() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER no BEFORE INSERT ON turns BEGIN SELECT RAISE(ABORT, 'not here'); END"
            )
        assert isinstance(within(lambda: services.chats.say(session.id, "Hello")), StoreRefused)
        with services.store.writing() as connection:
            connection.exec_driver_sql("DROP TRIGGER no")
        assert services.chats.say(session.id, "Hello").content == "Two."


def test_an_answer_without_a_thread_to_read_it_leaves_the_chat_open(
    sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chatting(sandbox, tmp_path, streamed("Yes.")) as (services, session, _):
        with monkeypatch.context() as full:
            full.setattr(threading.Thread, "start", wrong)
            with pytest.raises(Mistake):
                services.chats.ask(session.id, "Hello")
        assert services.chats.say(session.id, "Hello").content == "Yes."


def test_an_answer_of_blanks_is_no_answer(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with chatting(sandbox, tmp_path, streamed("Yes."), streamed(" ", "\n")) as (services, session, _):
        services.chats.say(session.id, "Hello")
        assert isinstance(within(lambda: services.chats.say(session.id, "And?")), UpstreamError)
        assert kept(services, session)[-1] == ("assistant", "Yes.")


# workers of this machine


@pytest.mark.parametrize("line", ["'[' * 200_000", "json.dumps({'event': ['error']})", "json.dumps({'event': {}})"])
def test_a_line_that_can_not_be_read_ends_no_hearing(line: str, tmp_path: Path) -> None:
    script = f"\nprint({line}, flush=True)\ntell('turn', role='user', text='after')\ncommand()\n"
    made, ear = started(tmp_path, script)
    while (event := ear.next()).get("event") != "turn":
        pass
    assert event["text"] == "after"
    made.close()
    assert made.list() == []


def test_a_worker_whose_hearing_broke_is_over_and_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, ear = started(tmp_path, "\ntell('turn', role='user', text=command()['text'])\ntime.sleep(60)\n")
    with monkeypatch.context() as broken:
        broken.setattr("lib.services.modes.workers.local.parsed", wrong)
        made.tell("s1", launcher_say(), text="hello")
        gone = ear.next()
    assert gone["event"] == "gone"
    assert made.list() == []


def launcher_say() -> Any:
    from lib.worker import Command

    return Command.SAY


def test_limits_that_can_not_be_looked_at_do_not_let_a_silent_worker_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WorkerLimits, "broken", wrong)
    monkeypatch.setattr(launcher, "SILENT_S", 1.0)
    made, ear = started(tmp_path, "\ntime.sleep(60)\n")
    assert ear.next()["why"] == "it fell silent"
    made.close()


def test_a_worker_without_threads_to_hear_it_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.services.modes.test_launcher import local

    made = local(tmp_path, "\ntime.sleep(60)\n")
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", wrong)
        with pytest.raises(Mistake):
            made.start(plan(), Ear())
    assert made.list() == []


# pipecat_daily


def test_a_mistake_of_the_launcher_leaves_neither_a_call_nor_a_room(
    sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mode_with(sandbox, tmp_path, STAY) as mode:
        with monkeypatch.context() as broken:
            broken.setattr(LocalLauncher, "start", wrong)
            with pytest.raises(Mistake):
                mode.start(PLAN)
        assert rooms(sandbox) == 0
        mode.start(PLAN)


def test_a_worker_that_tells_of_no_conversation_in_particular_is_unclear_at_once(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with mode_with(sandbox, tmp_path, "\ntell('conversation')\ntime.sleep(60)\n") as mode:
        assert isinstance(within(lambda: mode.start(PLAN), 10), Ambiguous)
        assert rooms(sandbox) == 0


@pytest.mark.parametrize("turns", ["[['user', 'Hi']]", "[['user']]", "5"])
def test_a_worker_that_asks_is_answered_whatever_goes_wrong(
    turns: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    script = (
        f"\ncreate()\ncommand()\ntell('ask', id='1', turns={turns})\n"
        "told = command()\ntell('turn', role='assistant', text=told['text'])\ncommand()"
    )
    heard = Mistaken()
    with mode_with(sandbox, tmp_path, script, listener=heard) as mode:
        mode.start(PLAN)
        mode.say("s-1", "go")
        until(lambda: heard.said and "can't answer" in heard.said[0][1])


def test_a_reason_that_can_not_be_kept_does_not_keep_a_call_running(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with mode_with(sandbox, tmp_path, "\ncreate()\ncommand()\nos._exit(7)", listener=Mistaken()) as mode:
        mode.start(PLAN)
        mode.say("s-1", "now")
        until(lambda: (rooms(sandbox), running_calls(sandbox)) == (0, 0))
        assert mode._calls == {}


# workers of a cluster


def test_a_cluster_that_can_not_even_be_asked_to_end_a_worker_ends_its_hearing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> Any:
        raise SettingsWrong("How to reach the cluster is not known.")

    with clustered(tmp_path, CLUSTERED) as (fake, made):
        ear = Ear()
        made.start(cluster_plan(), ear)
        assert ear.next() == {"event": "starting"}
        with monkeypatch.context() as broken:
            for name in ("pod", "lines", "delete_job"):
                broken.setattr(Cluster, name, away)
            fake.cut_logs()
            while ear.next().get("event") != "gone":
                pass
        assert made._followers == {}


class Two:
    """A launcher that two workers were left at, of which one can't be seen to."""

    here = False

    def __init__(self) -> None:
        self.stopped: list[str] = []

    def list(self) -> list[WorkerState]:
        return [WorkerState(name, True, None, 0.0) for name in ("s-odd", "s-even")]

    def stop(self, session_id: str) -> None:
        if session_id == "s-odd":
            raise SettingsWrong("no")
        self.stopped.append(session_id)


@pytest.mark.parametrize("error", [SettingsWrong("no"), Mistake()])
def test_one_left_worker_that_can_not_be_seen_to_keeps_no_other_running(
    error: Exception, sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: Two, session_id: str) -> None:
        if session_id == "s-odd":
            raise error
        self.stopped.append(session_id)

    monkeypatch.setattr(Two, "stop", stop)
    two: Any = Two()
    with house(sandbox.url, tmp_path) as services:
        ledger = services.archive._ledger
        left_workers.LeftWorkers(two, ledger, end_room=lambda _: None, on_broken=lambda *_: None).look()
    assert two.stopped == ["s-even"]


# the journal


def test_one_request_that_can_not_be_kept_is_counted_and_holds_up_no_callback(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_session(store, "s-1", "c1")
    body = journals.Journal._body

    def odd(self: Any, call: Any) -> Any:
        if call.number == "n1":
            raise Mistake
        return body(self, call)

    monkeypatch.setattr(journals.Journal, "_body", odd)
    with opened(store) as (journal, inspector):
        for n in range(3):
            journal.record(request(n))
        assert post(journal, "s-1", {"event_type": "x"}) is Taken.NEW
        journal.flush()
        assert sorted(one.number for one in inspector.page(kind="request").items) == ["n0", "n2"]
        assert inspector.dropped == 1


def test_a_callback_that_the_inspector_can_not_keep_counts_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept_session(store, "s-1", "c1")
    made = journals._exchange_of

    def odd(one: Any) -> Any:
        if one.event_type == "odd":
            raise Mistake
        return made(one)

    monkeypatch.setattr(journals, "_exchange_of", odd)
    with opened(store) as (journal, inspector):
        journal.record(request(1))
        assert within(lambda: post(journal, "s-1", {"event_type": "odd"})) is Taken.NEW
        assert "a callback could not be kept for the Inspector: Mistake" in caplog.text
        assert within(lambda: post(journal, "s-none", {"event_type": "odd"})) is Taken.NO_SESSION
        assert post(journal, "s-1", {"event_type": "even"}) is Taken.NEW
        assert [one.number for one in inspector.page(kind="request").items] == ["n1"]


def test_a_row_that_the_database_does_not_take_keeps_no_other_out(store: Store) -> None:
    kept_session(store, "s-1", "c1")
    with opened(store) as (journal, inspector):
        journal.record(request(1, method="A" * 30, status=1 << 70))
        journal.record(request(2))
        assert post(journal, "s-1", {"event_type": "x"}) is Taken.NEW
        journal.flush()
        assert [one.number for one in inspector.page(kind="request").items] == ["n2"]
        assert inspector.dropped == 1


def test_a_mistake_while_old_ones_are_deleted_does_not_end_the_journal(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_session(store, "s-1", "c1")
    monkeypatch.setattr(journals, "FORGET_EVERY_S", 0.05)
    with opened(store) as (journal, _):
        with monkeypatch.context() as broken:
            broken.setattr(exchanges, "forget", wrong)
            time.sleep(0.3)
        assert within(lambda: post(journal, "s-1", {"event_type": "x"})) is Taken.NEW
