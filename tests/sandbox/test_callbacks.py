"""Callbacks reach a real receiver, in Tavus's envelope, and never hold anything up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from lib import sandbox
from tests.sandbox_server import KEY, QUICK, RunningSandbox, eventually, running_sandbox, serve


class Receiver:
    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.hold = threading.Event()
        self.status = 200
        self.url = ""

    def routes(self) -> list[Route]:
        return [
            Route("/hook/{secret}", self._take, methods=["POST"]),
            Route("/slow", self._slow, methods=["POST"]),
            Route("/moved", self._moved, methods=["POST"]),
        ]

    async def _take(self, request: Request) -> Response:
        self.got.append(await request.json())
        return Response(status_code=self.status)

    async def _moved(self, request: Request) -> Response:
        return RedirectResponse(f"{self.url}/hook/x", 302)

    def _slow(self, request: Request) -> Response:
        self.hold.wait(1.0)
        return Response()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with serve(Starlette(routes=receiver.routes())) as url:
        receiver.url = url
        yield receiver
        receiver.hold.set()


def whole_call(box: RunningSandbox, callback_url: str) -> str:
    call = str(box.create(callback_url=callback_url)["conversation_id"])
    eventually(lambda: box.conversation(call)["events"])
    box.call("POST", f"/conversations/{call}/end")
    return call


def test_four_events_come_in_order_in_the_documented_envelope(box: RunningSandbox, receiver: Receiver) -> None:
    url = f"{receiver.url}/hook/s3cret"
    call = whole_call(box, url)
    eventually(lambda: len(receiver.got) == 4)
    assert [(one["event_type"], one["message_type"]) for one in receiver.got] == [
        ("system.replica_joined", "system"),
        ("system.shutdown", "system"),
        ("application.transcription_ready", "application"),
        ("application.perception_analysis", "application"),
    ]
    for one in receiver.got:
        assert set(one) == {
            "properties", "conversation_id", "webhook_url", "event_type", "message_type", "timestamp",
        }  # fmt: skip
        assert (one["conversation_id"], one["webhook_url"]) == (call, url)
    assert receiver.got[1]["properties"] == {
        "replica_id": "r90bbd427f71",
        "shutdown_reason": "end_conversation_endpoint_hit",
    }
    verbose = box.conversation(call)["events"]
    assert [one["timestamp"] for one in receiver.got] == [event["timestamp"] for event in verbose]
    assert receiver.got[2]["properties"] == verbose[2]["properties"]


def test_a_finished_training_is_called_ready(box: RunningSandbox, receiver: Receiver) -> None:
    for host in ("files.example", "files.invalid"):
        body = {"train_video_url": f"https://{host}/me.mp4", "callback_url": f"{receiver.url}/hook/x"}
        replica_id = box.call("POST", "/replicas", body).json()["replica_id"]
        box.advance(8)
        eventually(lambda: receiver.got)
        told = receiver.got.pop()
        assert told["replica_id"] == replica_id
        assert (told["status"], "error_message" in told) == (("ready", False) if "example" in host else ("error", True))


def test_a_training_is_called_ready_though_nobody_asks(receiver: Receiver) -> None:
    with running_sandbox(timing=sandbox.Timing(training_s=0.3)) as box:
        body = {"train_video_url": "https://files.example/me.mp4", "callback_url": f"{receiver.url}/hook/x"}
        box.call("POST", "/replicas", body)
        assert eventually(lambda: receiver.got)[0]["status"] == "ready"


def test_each_state_of_a_document_is_told_with_its_row(box: RunningSandbox, receiver: Receiver) -> None:
    box.freeze()
    body = {"document_url": "https://docs.example.com/", "crawl": {}, "callback_url": f"{receiver.url}/hook/x"}
    document_id = box.call("POST", "/documents", body).json()["document_id"]
    box.advance(4)
    box.advance(4)
    box.call("POST", f"/documents/{document_id}/recrawl")
    box.advance(8)
    eventually(lambda: len(receiver.got) == 5)
    assert [one["status"] for one in receiver.got] == ["started", "processing", "ready", "recrawling", "ready"]
    assert receiver.got[-1] == box.call("GET", f"/documents/{document_id}").json()
    assert {entry["event_type"] for entry in box.control("log?kind=callback")} == {"document"}


def test_failures_are_in_the_log_and_the_url_is_not(box: RunningSandbox, receiver: Receiver) -> None:
    receiver.status = 500
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/hook/s3cret"
        for url in (f"{receiver.url}/hook/s3cret", nobody, "file:///etc/hostname", "s3cret/no url", "http://[s3cret"):
            box.create(callback_url=url)
        log = eventually(lambda: len(found := box.control("log?kind=callback")) == 5 and found)
    assert [entry["status"] for entry in log] == [500, None, None, None, None]
    assert log[0]["error"] == "answered 500"
    assert "refused" in log[1]["error"]
    assert all(entry["error"] for entry in log)
    assert "s3cret" not in str(log)
    assert {entry["event_type"] for entry in log} == {"system.replica_joined"}


def test_a_redirect_is_not_followed(box: RunningSandbox, receiver: Receiver) -> None:
    box.create(callback_url=f"{receiver.url}/moved")
    entry = eventually(lambda: box.control("log?kind=callback"))[0]
    assert entry["status"] == 302
    assert receiver.got == []


def test_a_slow_receiver_holds_up_no_request(box: RunningSandbox, receiver: Receiver) -> None:
    box.create(callback_url=f"{receiver.url}/slow")
    eventually(lambda: box.inside.callbacks._queue.empty())
    begun = time.monotonic()
    for _ in range(20):
        box.create()
    assert time.monotonic() - begun < 0.8
    receiver.hold.set()


def test_both_joinings_are_sent_where_the_dialect_says_so(box: RunningSandbox, receiver: Receiver) -> None:
    box.control("dialect", {"joined_twin": True})
    box.create(callback_url=f"{receiver.url}/hook/x")
    eventually(lambda: len(receiver.got) == 2)
    assert [one["event_type"] for one in receiver.got] == ["system.replica_joined", "system.pal_joined"]
    assert receiver.got[1]["properties"] == {"face_id": "r90bbd427f71"}


def test_the_receiver_may_be_the_process_that_the_sandbox_runs_in() -> None:
    receiver = Receiver()
    inner = sandbox.create(reply=lambda persona, context, turns: "", timing=QUICK)
    try:
        with serve(Starlette(routes=[*receiver.routes(), Mount("/sandbox", inner)])) as url:
            body = {"callback_url": f"{url}/hook/x", "persona_id": "p2b8e10c94d6"}
            made = requests.post(f"{url}/sandbox/v2/conversations", json=body, headers={"x-api-key": KEY}, timeout=5)
            assert made.status_code == 200
            eventually(lambda: receiver.got)
    finally:
        inner.state.sandbox.close()
    assert receiver.got[0]["event_type"] == "system.replica_joined"


def test_close_does_not_wait_for_a_receiver_that_hangs(receiver: Receiver) -> None:
    app = sandbox.create(reply=lambda persona, context, turns: "", timing=QUICK)
    inside: sandbox.Sandbox = app.state.sandbox
    inside.callbacks.post(f"{receiver.url}/slow", {})
    eventually(lambda: inside.callbacks._queue.empty())
    begun = time.monotonic()
    inside.close()
    assert time.monotonic() - begun < 1.9
