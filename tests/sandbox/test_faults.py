"""What is scripted goes wrong, as often as it is scripted, seen by real clients over real sockets."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from lib import sandbox
from tests.sandbox_server import QUICK, RunningSandbox, eventually, serve

CREATE = "POST /v2/conversations"


def start(box: RunningSandbox) -> requests.Response:
    return box.call("POST", "/conversations", {"persona_id": "p2b8e10c94d6"})


def count(box: RunningSandbox) -> int:
    return len(box.inside.calls.all())


def test_a_status_with_body_and_headers_is_answered_and_nothing_is_done(box: RunningSandbox) -> None:
    box.faults({"route": CREATE, "status": 429, "body": {"message": "Slow down"}, "headers": {"Retry-After": "7"}})
    response = start(box)
    assert (response.status_code, response.json(), response.headers["retry-after"]) == (
        429,
        {"message": "Slow down"},
        "7",
    )
    assert count(box) == 0
    assert start(box).status_code == 200


def test_a_failure_can_come_after_the_request_was_carried_out(box: RunningSandbox) -> None:
    box.faults({"route": CREATE, "status": 504, "act": True})
    assert start(box).status_code == 504
    assert count(box) == 1


@pytest.mark.parametrize(("drop", "made"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_gives_no_answer(box: RunningSandbox, drop: str, made: int) -> None:
    box.faults({"route": CREATE, "drop": drop})
    with pytest.raises(requests.ConnectionError, match="closed connection without response"):
        start(box)
    assert count(box) == made
    assert [(entry["status"], entry["fault"]) for entry in box.log()] == [(None, f"drop {drop}")]
    assert start(box).status_code == 200


def test_a_truncated_answer_breaks_off_in_the_middle(box: RunningSandbox) -> None:
    box.faults({"route": CREATE, "truncate": True})
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        start(box)
    assert count(box) == 1
    assert start(box).status_code == 200


def test_a_scripted_body_can_be_truncated_too(box: RunningSandbox) -> None:
    box.faults({"route": CREATE, "truncate": True, "status": 500, "body": "x" * 100})
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="50 bytes read, 50 more"):
        start(box)
    assert count(box) == 0


def test_html_is_a_page_with_404_unless_told(box: RunningSandbox) -> None:
    box.faults({"route": CREATE, "html": True}, {"route": CREATE, "html": True, "status": 502, "body": "<p>bad</p>"})
    first, second = start(box), start(box)
    assert (first.status_code, "<html" in first.text) == (404, True)
    assert (second.status_code, second.text) == (502, "<p>bad</p>")
    assert first.headers["content-type"].startswith("text/html")


def test_a_delay_comes_before_the_usual_answer(box: RunningSandbox) -> None:
    box.faults({"route": CREATE, "delay_s": 0.2})
    begun = time.monotonic()
    assert start(box).status_code == 200
    assert time.monotonic() - begun >= 0.2
    assert box.log()[0]["fault"] == "delay"
    assert box.log()[0]["ms"] >= 200


def test_a_client_that_gives_up_waiting_finds_the_call_made_later(box: RunningSandbox) -> None:
    box.faults({"route": CREATE, "delay_s": 0.3})
    with pytest.raises(requests.Timeout):
        requests.post(f"{box.v2}/conversations", json={}, headers={"x-api-key": "k"}, timeout=0.1)
    eventually(lambda: count(box) == 1)


def test_others_are_served_while_one_is_delayed(box: RunningSandbox) -> None:
    box.faults({"route": CREATE, "delay_s": 1.0})
    with pytest.raises(requests.Timeout):
        requests.post(f"{box.v2}/conversations", json={}, headers={"x-api-key": "k"}, timeout=0.05)
    begun = time.monotonic()
    assert box.call("GET", "/personas").status_code == 200
    assert time.monotonic() - begun < 0.5


def test_times_counts_down_and_minus_one_is_for_ever(box: RunningSandbox) -> None:
    box.faults(
        {"route": "GET /v2/personas", "status": 500, "times": 2}, {"route": "GET /v2/*", "status": 503, "times": -1}
    )
    statuses = [box.call("GET", "/personas").status_code for _ in range(4)]
    assert statuses == [500, 500, 503, 503]
    assert [fault["times"] for fault in box.control("faults")] == [0, -1]
    box.faults()
    assert box.call("GET", "/personas").status_code == 200


@pytest.mark.parametrize(
    ("route", "path", "hit"),
    [
        ("GET /v2/personas", "/personas/", True),
        ("GET /v2/personas", "/pals", True),
        ("GET /v2/pals/*", "/personas/p1af207b8189", True),
        ("get /v2/faces/", "/replicas", True),
        ("* /v2/*", "/conversations", True),
        ("GET /v2/personas", "/personas/p1af207b8189", False),
        ("POST /v2/personas", "/personas", False),
    ],
)
def test_routes_are_globs_over_both_vocabularies(box: RunningSandbox, route: str, path: str, hit: bool) -> None:
    box.faults({"route": route, "status": 418})
    assert (box.call("GET", path).status_code == 418) is hit


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_that_has_no_body_is_sent_without(box: RunningSandbox, status: int) -> None:
    box.faults({"route": CREATE, "status": status})
    assert (start(box).status_code, start(box).status_code) == (status, 200)


@pytest.mark.parametrize(
    "fault",
    [
        5, {}, {"route": "everything"}, {"route": CREATE, "status": 99}, {"route": CREATE, "status": "500"},
        {"route": CREATE, "drop": "never"}, {"route": CREATE, "times": -2}, {"route": CREATE, "delay_s": -1},
        {"route": CREATE, "headers": {"x": 1}}, {"route": CREATE, "html": "yes"}, {"route": CREATE, "typo": 1},
    ],
)  # fmt: skip
def test_a_wrong_fault_is_refused_and_the_script_stays(box: RunningSandbox, fault: Any) -> None:
    box.faults({"route": CREATE, "status": 500})
    response = requests.post(f"{box.url}/_sandbox/faults", json=[fault], timeout=5)
    assert response.status_code == 400
    assert len(box.control("faults")) == 1


class _Plain:
    """Middleware that wraps `receive` in a closure."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def wrapped() -> Any:
            return await receive()

        await self.app(scope, wrapped, send)


async def _through(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    return response


@pytest.mark.parametrize("drop", ["before", "after"])
@pytest.mark.parametrize("wrapping", [[Middleware(_Plain)], [Middleware(_Plain), Middleware(_Plain)]])
def test_the_drop_works_behind_middleware_and_a_mount(drop: str, wrapping: list[Middleware]) -> None:
    inner = sandbox.create(reply=lambda persona, context, turns: "", timing=QUICK)
    with serve(Starlette(routes=[Mount("/sandbox", inner)], middleware=wrapping)) as url:
        box = RunningSandbox(f"{url}/sandbox", inner.state.sandbox)
        box.faults({"route": CREATE, "drop": drop})
        with pytest.raises(requests.ConnectionError, match="closed connection without response"):
            start(box)
        assert count(box) == (drop == "after")
        assert start(box).status_code == 200
        box.http.close()
    inner.state.sandbox.close()


def test_behind_middleware_that_hides_the_connection_the_client_still_sees_a_broken_answer() -> None:
    inner = sandbox.create(reply=lambda persona, context, turns: "", timing=QUICK)
    wrapping = [Middleware(BaseHTTPMiddleware, dispatch=_through)]
    with serve(Starlette(routes=[Mount("/sandbox", inner)], middleware=wrapping)) as url:
        box = RunningSandbox(f"{url}/sandbox", inner.state.sandbox)
        box.faults({"route": CREATE, "drop": "after"})
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            start(box)
        assert count(box) == 1
        box.http.close()
    inner.state.sandbox.close()
