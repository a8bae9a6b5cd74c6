"""Text chat: answers come in pieces, what was shown is kept, what never came leaves no trace."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lib.errors import Ambiguous, BadInput, Conflict, GreenroomError
from lib.models import Session
from lib.wiring import Services
from tests.house import demo, house, until
from tests.sandbox_server import RunningSandbox
from tests.scripted_server import Scripted, Step, answer, raw, scripted, then_close


def streamed(*pieces: str, whole: bool = True) -> Step:
    lines = [json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": None}]}) for text in pieces]
    body = "".join(f"data: {line}\n\n" for line in lines) + ("data: [DONE]\n\n" if whole else "")
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return then_close(raw((head + body).encode()))


@contextmanager
def chatting(sandbox: RunningSandbox, root: Path, *steps: Step) -> Iterator[tuple[Services, Session, Scripted]]:
    """A text session whose endpoint does these steps."""
    with scripted(*steps) as endpoint, house(sandbox.url, root, chat_base_url=endpoint.url, chat_model="m") as services:
        services.catalogue.personas()
        yield services, services.sessions.start(demo(services).id, token="t", enable_avatar=False), endpoint


def kept(services: Services, session: Session) -> list[tuple[str, str]]:
    return [(turn.role, turn.content) for turn in services.sessions.turns(session.id)]


def test_an_answer_comes_in_pieces_and_is_kept_whole_behind_the_greeting(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with chatting(sandbox, tmp_path, streamed("Good ", "morning."), streamed("Bye.")) as (services, session, endpoint):
        greeting = services.chats.greeting(session)
        assert services.chats.say(session.id, "Hello").content == "Good morning."
        assert services.chats.say(session.id, "Bye").content == "Bye."
        assert greeting and kept(services, session) == [
            ("assistant", greeting), ("user", "Hello"), ("assistant", "Good morning."),
            ("user", "Bye"), ("assistant", "Bye."),
        ]  # fmt: skip
        asked = endpoint.seen[1].json["messages"]
        assert [one["role"] for one in asked] == ["system", "assistant", "user", "assistant", "user"]


def test_what_was_shown_of_a_stopped_answer_is_kept_and_no_second_one_begins_meanwhile(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    hung_up = threading.Event()
    with chatting(sandbox, tmp_path, one_piece(hung_up)) as (services, session, _):
        answer = services.chats.ask(session.id, "Count")
        until(lambda: answer.text == "One ")
        assert services.chats.answering(session.id) is answer
        with pytest.raises(Conflict, match="on its way"):
            services.chats.ask(session.id, "Again")
        services.chats.stop(session.id)
        assert answer.done.is_set() and answer.failure is None and not answer.unheard
        assert kept(services, session)[-2:] == [("user", "Count"), ("assistant", "One")]
        assert services.chats.answering(session.id) is None
        assert hung_up.wait(5), "the endpoint goes on for nobody"
        services.chats.stop(session.id)
        assert len(kept(services, session)) == 3


def test_a_stop_before_the_first_word_leaves_no_trace_and_makes_room_at_once(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    hung_up, begin = threading.Event(), threading.Event()
    steps = one_piece(hung_up, begin), streamed("Yes.")
    with chatting(sandbox, tmp_path, *steps) as (services, session, endpoint):
        answer = services.chats.ask(session.id, "Hello")
        until(lambda: len(endpoint.seen) == 1)
        services.chats.stop(session.id)
        assert answer.done.is_set() and answer.unheard and answer.failure is None
        assert services.chats.answering(session.id) is answer
        services.chats.forget(session.id)
        assert services.chats.say(session.id, "Hello again").content == "Yes."
        begin.set()
        assert hung_up.wait(5)
        assert [text for _, text in kept(services, session)][1:] == ["Hello again", "Yes."] and answer.text == ""


def one_piece(hung_up: threading.Event, begin: threading.Event | None = None) -> Step:
    """One piece and no end, until the other side hangs up."""

    def step(peer: socket.socket) -> None:
        if begin is not None:
            begin.wait(10)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        peer.sendall(head + b'data: {"choices": [{"delta": {"content": "One "}}]}\n\n')
        peer.settimeout(10)
        with suppress(ConnectionError):
            assert peer.recv(1) == b""
        hung_up.set()

    return step


def test_an_answer_that_breaks_off_is_kept_as_far_as_it_came_and_says_so(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with chatting(sandbox, tmp_path, streamed("One ", "two", whole=False)) as (services, session, _):
        with pytest.raises(Ambiguous, match="broke off"):
            services.chats.say(session.id, "Count")
        assert kept(services, session)[-1] == ("assistant", "One two")


@pytest.mark.parametrize("step", [answer(500, {"error": "x"}), answer(401, {"error": "no"}), answer(200, "<p>in</p>")])
def test_an_answer_of_which_nothing_came_leaves_no_trace(step: Step, sandbox: RunningSandbox, tmp_path: Path) -> None:
    with chatting(sandbox, tmp_path, step) as (services, session, _):
        with pytest.raises(GreenroomError) as told:
            services.chats.say(session.id, "Hello")
        assert told.value.hint and kept(services, session) == []


def test_a_message_that_is_empty_too_long_or_too_late_is_refused_and_asks_nobody(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with chatting(sandbox, tmp_path, streamed("Yes.")) as (services, session, endpoint):
        for text in (" ", "x" * 2001):
            with pytest.raises(BadInput):
                services.chats.say(session.id, text)
        services.sessions.end(session.id)
        with pytest.raises(Conflict):
            services.chats.say(session.id, "Hello")
        assert endpoint.seen == []
