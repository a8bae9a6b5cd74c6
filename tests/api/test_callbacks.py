"""Callbacks over real HTTP: hints that are kept, and never believed; on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import logging
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from sqlalchemy import select
from starlette.applications import Starlette

from lib.api.app import routes
from lib.models import Exchange, Session, Status
from lib.services.callbacks.address import callback_secret
from lib.store.database import Store
from lib.store.schema import exchanges
from lib.wiring import Services
from tests.databases import written
from tests.house import KEY, demo, house, log, reaches, until
from tests.running import Dashboard, free_port
from tests.sandbox_server import RunningSandbox, serve

CANARY = "CANARY-4f1c-77"


class Console:
    """A console that Tavus calls back; `session` is a live one, and nothing else asks about it."""

    def __init__(self, url: str, services: Services, sandbox: RunningSandbox) -> None:
        self.url, self.services, self.sandbox = url, services, sandbox
        started = services.sessions.start_and_wait(demo(services).id, token="t")
        services.sessions.hint(started.id)
        self.session = reaches(services, started, Status.LIVE)
        until(lambda: len(self.kept()) == 1)  # the sandbox's own: the replica has joined
        self.quiet()

    @property
    def secret(self) -> str:
        return self.services.callbacks.secret_of(self.session.id)

    def post(self, body: Any, secret: str | None = None, method: str = "POST") -> int:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"{self.url}/callbacks/tavus/{self.secret if secret is None else secret}"
        return requests.request(method, url, data=raw, timeout=20).status_code

    def told(self, event_type: str, **properties: Any) -> dict[str, Any]:
        return {
            "event_type": event_type, "message_type": "system", "conversation_id": self.session.conversation_id,
            "timestamp": "2026-11-20T12:00:00Z", "properties": properties,
            "webhook_url": f"{self.url}/callbacks/tavus/{self.secret}",
        }  # fmt: skip

    def kept(self) -> list[Exchange]:
        return self.services.inspector.callbacks_of(self.session.id)

    def looks(self) -> int:
        """How often Tavus was asked about the session."""
        return len(log(self.sandbox.url, f"GET /v2/conversations/{self.session.conversation_id}"))

    def quiet(self) -> None:
        """Wait until nobody is being asked any more."""
        seen = [-1]

        def settled() -> bool:
            seen.append(self.looks())
            threading.Event().wait(0.3)
            return seen[-1] == self.looks() == seen[-2]

        until(settled)


@pytest.fixture
def console(running: RunningSandbox, tmp_path: Path, database_url: str) -> Iterator[Console]:
    running.reset()
    app = Starlette()
    with (
        serve(app) as url,
        house(running.url, tmp_path, base=url, database=database_url, sweep_interval_s=60.0) as services,
    ):
        app.router.routes.extend(routes(services))
        yield Console(url, services, running)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """What every logger of the server said; the test's own client has a log too."""
    return "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("urllib3"))


def state(console: Console) -> Session:
    return console.services.sessions.get(console.session.id)


def test_a_callback_is_kept_and_makes_greenroom_ask_tavus_whose_word_alone_counts(console: Console) -> None:
    looks = console.looks()
    assert console.post(console.told("system.shutdown", shutdown_reason="max_call_duration")) == 204
    assert [one.name for one in console.kept()] == ["system.replica_joined", "system.shutdown"]
    until(lambda: console.looks() == looks + 1)
    console.quiet()
    assert state(console).status is Status.LIVE, "the callback was believed"


def test_row_28_callbacks_again_and_out_of_order_change_nothing_and_wake_nobody(console: Console) -> None:
    console.services.sessions.end(console.session.id)
    ended = reaches(console.services, console.session, Status.ENDED)
    until(lambda: state(console).transcript_at)
    until(lambda: state(console).perception)
    console.quiet()
    before = state(console)
    first = console.told("system.replica_joined", replica_id="r1")
    assert console.post(first) == 204
    console.quiet()
    looks, kept = console.looks(), len(console.kept())
    for again in (json.dumps(first).encode(), json.dumps(first, indent=3, sort_keys=True).encode() + b"\n"):
        assert console.post(again) == 204
    console.quiet()
    assert (console.looks(), len(console.kept())) == (looks, kept)
    assert state(console) == before
    assert ended.status is Status.ENDED


def test_a_flood_of_callbacks_is_kept_and_makes_few_requests_to_tavus(console: Console) -> None:
    looks, kept = console.looks(), len(console.kept())
    for n in range(40):
        assert console.post(console.told("system.any", n=n)) == 204
        threading.Event().wait(0.1)
    console.quiet()
    assert len(console.kept()) == kept + 40
    assert 1 <= console.looks() - looks <= 15


REFUSED = [
    ("a wrong secret", b"{}", "{session}." + "0" * 40, "POST", 404),
    ("another session's secret", b"{}", "s-other.{mac}", "POST", 404),
    ("no secret", b"{}", "", "POST", 404),
    ("a path behind the secret", b"{}", "{secret}/more", "POST", 404),
    ("a secret that is no text", b"{}", "%ff%00%e2%80%ae", "POST", 404),
    ("a giant with a wrong secret", b"x" * 3_000_000, "nonsense", "POST", 404),
    ("another method", b"{}", "{secret}", "PUT", 405),
    ("a giant", b" " * 2_000_000, "{secret}", "POST", 413),
    ("a giant that is JSON", json.dumps({"a": "x" * 1_100_000}).encode(), "{secret}", "POST", 413),
    ("a deep list", b"[" * 100_000, "{secret}", "POST", 400),
    ("a deep object", b'{"a":' * 200 + b"1" + b"}" * 200, "{secret}", "POST", 400),
    ("no object", b"[]", "{secret}", "POST", 400),
    ("no text", b"\xff", "{secret}", "POST", 400),
    ("nothing", b"", "{secret}", "POST", 400),
    ("a number that is none", b'{"a": NaN}', "{secret}", "POST", 400),
    ("another conversation", b'{"event_type": "x", "conversation_id": "c-other"}', "{secret}", "POST", 400),
]


def test_a_forged_replayed_giant_deep_or_broken_one_is_refused_changes_nothing_and_is_one_line_in_the_log(
    console: Console, caplog: pytest.LogCaptureFixture
) -> None:
    session, secret = console.session.id, console.secret
    names = {"{session}": session, "{mac}": secret.partition(".")[2], "{secret}": secret}
    rows, before, looks = written(console.services.store), state(console), console.looks()
    with caplog.at_level(logging.DEBUG):
        for name, body, path, method, status in REFUSED:
            caplog.clear()
            for short, word in names.items():
                path = path.replace(short, word)
            assert console.post(body, path, method) == status, name
            said = [record for record in caplog.records if record.name.startswith("lib.")]
            assert len(said) == 1, (name, [record.getMessage() for record in said])
            assert said[0].levelno == logging.WARNING
            assert secret.partition(".")[2] not in logged(caplog), name
        console.quiet()
    assert console.looks() == looks
    assert state(console) == before
    assert written(console.services.store) == rows


def test_a_replayed_one_is_answered_kept_once_and_is_one_line_in_the_log(
    console: Console, caplog: pytest.LogCaptureFixture
) -> None:
    body = console.told("system.replica_joined", replica_id="r1")
    assert console.post(body) == 204
    console.quiet()
    rows, looks = written(console.services.store), console.looks()
    caplog.clear()
    assert console.post(body) == 204
    console.quiet()
    assert [record.getMessage() for record in caplog.records if record.name.startswith("lib.")] == [
        "a callback was refused: it came before, and changes nothing"
    ]
    assert (written(console.services.store), console.looks()) == (rows, looks)


def test_one_for_a_session_that_is_gone_is_refused_and_nothing_of_it_is_kept(console: Console) -> None:
    rows = written(console.services.store)
    gone = console.services.callbacks.secret_of("s-purged")
    assert console.post({"event_type": "x", "properties": {"said": "private"}}, gone) == 404
    assert written(console.services.store) == rows


def test_no_key_token_or_secret_of_a_callback_is_in_a_row_or_a_line(
    console: Console, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"https://tavus.daily.co/c1?t={CANARY}"
    properties = {"conversation_url": url, "meeting_token": CANARY, "llm": {"api_key": CANARY}, "said": f"{KEY} is it"}
    with caplog.at_level(logging.DEBUG):
        assert console.post(console.told("application.any", **properties)) == 204
    (kept,) = [one for one in console.kept() if one.name == "application.any"]
    body = console.services.inspector.get(kept.id).body or ""
    assert json.loads(body)["webhook_url"] == f"{console.url}/callbacks/tavus/***"
    everything = written(console.services.store) + body + logged(caplog)
    for secret in (CANARY, KEY, console.secret.partition(".")[2]):
        assert secret not in everything


def test_the_secret_is_not_in_the_access_log_of_a_server_that_keeps_one(
    console: Console, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Starlette(routes=routes(console.services))
    for name, value in (("handlers", [caplog.handler]), ("level", logging.INFO), ("disabled", False)):
        monkeypatch.setattr(logging.getLogger("uvicorn.access"), name, value)
    port = free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=True, ws="none")
    server = uvicorn.Server(config)
    with caplog.at_level(logging.INFO):
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        until(lambda: server.started)
        url = f"http://127.0.0.1:{port}/callbacks/tavus/"
        wrong = "s-1.wrong-but-maybe-a-real-one"
        assert requests.post(url + console.secret, json={"event_type": "x"}, timeout=5).status_code == 204
        assert requests.post(url + wrong, json={}, timeout=5).status_code == 404
        assert requests.get(f"{url}{console.secret}/?a={CANARY}", timeout=5).status_code == 404
        assert requests.options(url + console.secret, timeout=5).status_code == 405
        server.should_exit = True
        thread.join(5)
    lines = [record.getMessage() for record in caplog.records if record.name == "uvicorn.access"]
    assert [found for line in lines for found in re.findall(r'"(\w+ /callbacks\S*)', line)] == [
        f"{method} /callbacks/tavus/hidden" for method in ("POST", "POST", "GET", "OPTIONS")
    ]
    for secret in (console.secret, wrong, CANARY):
        assert secret not in logged(caplog)


def test_while_the_database_is_away_a_callback_is_not_taken(console: Console, caplog: pytest.LogCaptureFixture) -> None:
    console.services.store.close()
    assert console.post(console.told("system.shutdown")) == 503
    assert "a callback was refused: not_opened" in caplog.text
    console.services.store.open()
    assert console.post(console.told("system.shutdown")) == 204
    assert console.kept()[-1].name == "system.shutdown"


def test_without_a_public_address_no_callback_is_asked_for_and_the_record_comes_whole(
    running: RunningSandbox, tmp_path: Path, database_url: str
) -> None:
    running.reset()
    with house(running.url, tmp_path, base="", database=database_url) as services:
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        reaches(services, session, Status.LIVE)
        services.sessions.end(session.id)
        reaches(services, session, Status.ENDED)
        until(lambda: services.sessions.get(session.id).transcript_at)
        until(lambda: services.sessions.get(session.id).perception)
        (asked,) = log(running.url, "POST /v2/conversations")[:1]
        assert "callback_url" not in asked["body"]
        assert services.inspector.callbacks_of(session.id) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process is killed")
def test_every_callback_that_was_answered_outlives_a_crash_of_the_process() -> None:
    with Dashboard(env={"MAX_CONCURRENT_CALLS": "9"}) as console:
        headers = {"Authorization": "Bearer sandbox"}
        agent = requests.get(f"{console.url}/api/agents", headers=headers, timeout=10).json()["data"][0]
        body = {"agentId": agent["id"]}
        session_id = requests.post(f"{console.url}/api/sessions", json=body, headers=headers, timeout=20).json()[
            "sessionId"
        ]
        secret = secret_of(console, session_id)
        answered: list[int] = []

        def send(n: int) -> None:
            try:
                answer = requests.post(
                    f"{console.url}/callbacks/tavus/{secret}", json={"event_type": "x", "n": n}, timeout=10
                )
            except requests.RequestException:
                return
            if answer.status_code == 204:
                answered.append(n)

        with ThreadPoolExecutor(16) as pool:
            for n in range(2_000):
                pool.submit(send, n)
            until(lambda: len(answered) > 150)
            console.kill()
            pool.shutdown(cancel_futures=True)
        store = Store(f"sqlite:///{(console.data / 'greenroom.db').as_posix()}", root=console.data)
        store.open()
        with store.reading() as connection:
            kept = {
                json.loads(row.body).get("n")
                for row in connection.execute(select(exchanges.c.body).where(exchanges.c.kind == "callback"))
            }
        store.close()
        assert len(answered) > 150
        assert set(answered) <= kept


def secret_of(console: Dashboard, session_id: str) -> str:
    """The address's secret, made from the dashboard's own database as it makes it."""
    store = Store(f"sqlite:///{(console.data / 'greenroom.db').as_posix()}", root=console.data)
    store.open()
    key = store.meta("callback_secret")
    store.close()
    return callback_secret(key, session_id)
