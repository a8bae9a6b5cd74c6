"""What becomes of a request: which answers are errors and which, what is repeated, and where the key goes."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from lib.clients import wire
from lib.clients.transport import SentRequest, Transport
from lib.errors import (
    Ambiguous,
    BadInput,
    GreenroomError,
    KeyRefused,
    NotFound,
    NotSent,
    OutOfCredit,
    RateLimited,
    SettingsWrong,
    SlotsFull,
    UpstreamRejected,
)
from tests import scripted_server as server
from tests.scripted_server import Scripted, answer, scripted

KEY = "tvsk_CANARY_5f1d0c9b7a"
PAGE = "<!doctype html><html><body>Not Found in <b>here</b></body></html>"


class Way:
    """A transport whose pauses are written down instead of waited."""

    def __init__(self, base_url: str, timeouts: tuple[float, float] = (1.0, 2.0)) -> None:
        self.pauses: list[float] = []
        self.calls: list[SentRequest] = []
        self.transport = Transport(
            base_url=base_url,
            api_key=SecretStr(KEY),
            timeouts=timeouts,
            sleep=self.pauses.append,
            recorder=self.calls.append,
        )

    def get(self) -> Any:
        return self.transport.request("GET", "/things/{thing_id}", _json, thing_id="t1")

    def post(self) -> Any:
        return self.transport.request("POST", "/things", _json, body={"name": "n"})

    def error(self, send: Callable[[], Any]) -> GreenroomError:
        with pytest.raises(GreenroomError) as caught:
            send()
        return caught.value


def _json(success: Any) -> Any:
    if success.body is None:
        raise ValueError
    return success.body


@contextmanager
def way(*steps: server.Step, timeouts: tuple[float, float] = (1.0, 2.0)) -> Iterator[tuple[Way, Scripted]]:
    with scripted(*steps) as upstream:
        there = Way(upstream.url, timeouts)
        try:
            yield there, upstream
        finally:
            there.transport.close()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"message": "Invalid access token"}, KeyRefused),
        (403, {"error": "This key is not allowed from this address"}, KeyRefused),
        (403, PAGE, KeyRefused),
        (402, {"message": "The user is out of conversational credits"}, OutOfCredit),
        (400, {"error": "The user is out of conversational credits."}, OutOfCredit),
        (400, {"message": "User has reached maximum concurrent conversations"}, SlotsFull),
        (400, {"error": "Invalid persona_id"}, NotFound),
        (400, {"error": "Invalid pal_id"}, NotFound),
        (400, {"error": "Invalid replica_uuid"}, NotFound),
        (400, {"message": "Invalid conversation_id"}, NotFound),
        (400, {"error": "Guardrail not found"}, NotFound),
        (404, {"message": "Document does not exist"}, NotFound),
        (404, {"error": "No such thing"}, NotFound),
        (400, {"error": "system_prompt is required"}, UpstreamRejected),
        (404, PAGE, UpstreamRejected),
        (405, None, UpstreamRejected),
        (409, {"error": "busy"}, UpstreamRejected),
        (422, {"message": "Invalid JSON patch format"}, UpstreamRejected),
        (301, None, UpstreamRejected),
        (302, None, UpstreamRejected),
        (307, None, UpstreamRejected),
        (303, None, Ambiguous),
        (304, None, Ambiguous),
        (408, None, Ambiguous),
        (429, {"error": "slow down"}, RateLimited),
        (500, {"error": "Internal Server Error"}, Ambiguous),
        (503, PAGE, Ambiguous),
        (200, PAGE, Ambiguous),
        (200, '{"half": ', Ambiguous),
        (200, "[" * 100_000, Ambiguous),
        (200, None, Ambiguous),
    ],
)
def test_each_answer_that_is_no_success_is_the_error_for_it(status: int, body: Any, kind: type[GreenroomError]) -> None:
    with way(answer(status, body)) as (there, _):
        error = there.error(there.get)
    assert type(error) is kind and error.status == status and error.hint
    assert "<" not in error.message and error.message[-1] in ".!?…"
    said = next(iter(body.values())) if isinstance(body, dict) else ""
    assert said in error.message
    assert there.calls[-1].error_code == error.code and there.calls[-1].status == status


@pytest.mark.parametrize("text", ["Invalid replica_uuid", "Invalid persona_id"])
def test_an_id_in_the_body_that_is_unknown_is_a_refusal_and_not_a_missing_thing(text: str) -> None:
    with way(answer(400, {"error": text})) as (there, _):
        error = there.error(there.post)
    assert type(error) is UpstreamRejected and text in error.message


def test_a_missing_page_is_not_taken_for_a_missing_thing() -> None:
    with way(answer(404, PAGE)) as (there, _):
        error = there.error(there.get)
    assert error.code == "web_page" and "web page" in error.message and "TAVUS_BASE_URL" in error.hint


def test_a_long_or_many_lined_vendor_text_becomes_one_short_line() -> None:
    with way(answer(400, {"error": "a\r\n\x1b[31mb" + "x" * 5000})) as (there, _):
        error = there.error(there.get)
    assert len(error.message) < 400 and error.message.isprintable() and "a [31mb" in error.message


@pytest.mark.parametrize(
    "body", [{"error": {"message": "deep"}}, {"error": None, "message": "deep"}, {"detail": "deep"}]
)
def test_the_reason_is_found_in_each_of_its_places(body: Any) -> None:
    with way(answer(400, body)) as (there, _):
        assert "deep" in there.error(there.get).message


# what happened to the connection


@pytest.mark.parametrize(
    "step",
    [
        server.close,
        server.reset,
        server.then_close(answer(200, {"a": 1}, claimed=500)),
        server.then_close(server.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{}")),
        server.then_close(server.raw(b"SSH-2.0\r\n")),
    ],
    ids=["close", "reset", "half", "half a chunk", "no HTTP"],
)
def test_a_connection_that_is_lost_is_ambiguous_and_a_post_is_sent_once(step: server.Step) -> None:
    with way(step) as (there, upstream):
        error = there.error(there.post)
        assert type(error) is Ambiguous and error.code == "connection_lost" and error.status is None
        assert len(upstream.seen) == 1 and there.pauses == []


def test_a_server_that_keeps_silent_is_ambiguous_and_nothing_is_repeated() -> None:
    with scripted() as upstream:
        upstream.steps = [upstream.silent]
        there = Way(upstream.url, (1.0, 0.1))
        for send in (there.get, there.post):
            error = there.error(send)
            assert type(error) is Ambiguous and error.code == "no_answer" and "0.1 s" in error.message
        assert len(upstream.seen) == 2 and there.pauses == []


def test_an_answer_that_trickles_in_does_not_hold_the_caller() -> None:
    with scripted() as upstream:
        upstream.steps = [upstream.trickle]
        there = Way(upstream.url, (1.0, 0.2))
        assert there.error(there.get).code == "no_answer"


@pytest.mark.parametrize("packed", [False, True])
def test_an_oversized_answer_is_given_up(packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BODY_LIMIT", 1024 * 1024)
    body = json.dumps("x" * (3 * 1024 * 1024)).encode()
    step = answer(200, gzip.compress(body), {"Content-Encoding": "gzip"}) if packed else answer(200, body)
    with way(step) as (there, _):
        error = there.error(there.get)
    assert type(error) is Ambiguous and "larger than 1 MB" in error.message


def test_a_packed_and_a_chunked_answer_are_read() -> None:
    packed = answer(200, gzip.compress(b'{"a": 1}'), {"Content-Encoding": "gzip"})
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with way(packed, server.raw(head + b'4\r\n{"a"\r\n4\r\n: 1}\r\n0\r\n\r\n')) as (there, upstream):
        assert there.get() == {"a": 1} and there.get() == {"a": 1}
        assert upstream.connections == 1


def test_nothing_was_sent_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    there = Way(f"http://127.0.0.1:{port}/v2")
    for send in (there.get, there.post):
        error = there.error(send)
        assert type(error) is NotSent and error.status is None and "refused" in error.message
    assert there.pauses == []


def test_nothing_was_sent_where_the_name_is_unknown() -> None:
    error = Way("https://tavus.invalid/v2").error(Way("https://tavus.invalid/v2").post)
    assert type(error) is NotSent and "tavus.invalid" in error.message


def test_nothing_was_sent_where_the_secure_connection_fails() -> None:
    with scripted(answer(200, {})) as upstream:
        there = Way(upstream.url.replace("http:", "https:"))
        error = there.error(there.post)
        assert type(error) is NotSent and "secure" in error.message
        assert upstream.seen == []


def test_nothing_is_sent_while_the_address_is_unknown() -> None:
    there = Way("")
    assert type(there.error(there.post)) is NotSent
    with scripted(answer(200, {"a": 1})) as upstream:
        there.transport.reach_at(upstream.url)
        assert there.post() == {"a": 1}


# what is repeated


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_read_is_repeated_twice_at_most(status: int) -> None:
    with way(answer(status, {})) as (there, upstream):
        assert there.error(there.get).status == status
        assert len(upstream.seen) == 3 and len(there.calls) == 3
    assert 0.125 <= there.pauses[0] <= 0.375 and 0.25 <= there.pauses[1] <= 0.75


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_read_or_delete_is_repeated_after_a_lost_connection(method: str) -> None:
    with way(server.reset, answer(200, {"a": 1})) as (there, upstream):
        assert there.transport.request(method, "/things", _json) == {"a": 1}
        assert len(upstream.seen) == 2


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_a_write_is_never_repeated(method: str, status: int) -> None:
    with way(answer(status, {}, {"Retry-After": "0"})) as (there, upstream):
        there.error(lambda: there.transport.request(method, "/things", _json, body=[]))
        assert len(upstream.seen) == 1 and there.pauses == []


@pytest.mark.parametrize("status", [400, 401, 402, 404, 500, 302])
def test_what_will_not_change_is_not_asked_again(status: int) -> None:
    with way(answer(status, {})) as (there, upstream):
        there.error(there.get)
        assert len(upstream.seen) == 1


def test_a_short_retry_after_is_honoured_and_a_long_one_is_handed_on() -> None:
    with way(answer(429, {}, {"Retry-After": "3"}), answer(503, {}, {"Retry-After": "60"})) as (there, upstream):
        error = there.error(there.get)
        assert there.pauses == [3.0] and error.retry_after_s == 60.0 and len(upstream.seen) == 2


@pytest.mark.parametrize("given", ["soon", "nan", "inf", "-inf", "1e999", "Wed, 99 Foo 2026"])
def test_a_nonsense_retry_after_is_no_delay(given: str) -> None:
    with way(answer(429, {}, {"Retry-After": given})) as (there, _):
        assert there.error(there.get).retry_after_s is None
    assert max(there.pauses) < 1


def test_a_retry_after_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with way(answer(429, {}, {"Retry-After": later})) as (there, _):
        after_s = there.error(there.post).retry_after_s
    assert after_s is not None and 80 < after_s <= 90


def test_a_write_has_a_connection_of_its_own_and_reads_share_one() -> None:
    with way(answer(200, {"a": 1})) as (there, upstream):
        for send in (there.get, there.get, there.get):
            send()
        assert upstream.connections == 1
        there.post()
        there.post()
        assert upstream.connections == 3


def test_a_kept_connection_that_was_closed_meanwhile_does_no_harm() -> None:
    with way(server.then_close(answer(200, {"a": 1}))) as (there, _):
        assert [there.get()["a"] for _ in range(3)] == [1, 1, 1]


# where the key goes


def test_the_key_is_sent_as_x_api_key_and_the_body_as_json() -> None:
    with way(answer(200, {"a": 1})) as (there, upstream):
        there.transport.request("POST", "/things", _json, body={"name": "Zoë \ud83d"})
    seen = upstream.seen[0]
    assert seen.headers["x-api-key"] == KEY and seen.headers["content-type"] == "application/json"
    assert seen.json == {"name": "Zoë \ud83d"} and seen.target == "/v2/things"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_a_redirect_is_not_followed(method: str, status: int) -> None:
    with scripted(answer(200, {"a": 1})) as elsewhere:
        there_too = {"Location": elsewhere.url, "Set-Cookie": "a=b"}
        with way(answer(status, PAGE, there_too)) as (there, upstream):
            error = there.error(lambda: there.transport.request(method, "/things", _json))
            assert error.code == "redirect" and len(upstream.seen) == 1
        assert elsewhere.seen == [] and elsewhere.connections == 0


def test_no_netrc_no_proxy_towards_this_machine_and_no_cookie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with scripted(answer(200, {"proxied": True})) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with way(answer(200, {"a": 1}, {"Set-Cookie": "session=1; Path=/"})) as (there, upstream):
            assert there.get() == {"a": 1} and there.get() == {"a": 1}
        assert proxy.seen == []
    assert all("authorization" not in seen.headers and "cookie" not in seen.headers for seen in upstream.seen)


def test_a_proxy_of_the_environment_is_asked_for_a_tunnel_and_sees_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(answer(403, "blocked")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        there = Way("https://tavusapi.com/v2")
        error = there.error(there.post)
        assert [seen.method for seen in proxy.seen] == ["CONNECT"] and "x-api-key" not in proxy.seen[0].headers
    assert type(error) is NotSent and KEY not in repr(proxy.seen)


@pytest.mark.parametrize(
    "url",
    [
        "http://tavusapi.com/v2",
        "http://127.evil.example/v2",
        "http://localhost.evil.example/v2",
        "https://me@tavusapi.com/v2",
        "https://tavusapi.com/v2?x=",
        "ftp://127.0.0.1/v2",
        "//tavusapi.com/v2",
        "tavusapi.com/v2",
    ],
)
def test_an_address_that_the_key_must_not_go_to_is_refused(url: str) -> None:
    with pytest.raises(SettingsWrong):
        Way(url)


@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a?b", "a%2fb", "a b", "ü", "a" * 129, "{x}"])
def test_an_id_that_would_change_the_address_is_never_sent(bad: str) -> None:
    with way(answer(200, {})) as (there, upstream):
        with pytest.raises(NotFound):
            there.transport.request("GET", "/things/{thing_id}", _json, thing_id=bad)
        assert upstream.seen == []


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"a": object()}, {"a": {1, 2}}])
def test_what_is_no_json_is_never_sent(body: Any) -> None:
    with way(answer(200, {})) as (there, upstream):
        with pytest.raises(BadInput):
            there.transport.request("POST", "/things", _json, body=body)
        assert upstream.seen == []


# what is told about it


def test_each_try_is_recorded_without_id_body_or_key() -> None:
    with way(answer(503, {}), answer(200, {"a": 1})) as (there, _):
        there.get()
    first, second = there.calls
    assert (first.method, first.route, first.status, first.error_code) == (
        "GET",
        "/things/{thing_id}",
        503,
        "server_error",
    )
    assert (second.status, second.error_code) == (200, "") and second.ms > 0 and second.at.tzinfo is UTC
    assert "t1" not in repr(there.calls) and KEY not in repr(there.calls)


def test_the_tries_of_one_request_share_a_number_and_say_what_they_were_about_and_what_went_wrong() -> None:
    with way(answer(503, {"error": f"down, says {KEY}"}), answer(200, {"a": 1}), answer(200, {"a": 1})) as (there, _):
        there.get()
        there.get()
    first, second, other = there.calls
    assert first.number == second.number != other.number
    assert (first.about, first.target, first.body) == ("t1", "/things/t1", None)
    assert "503" in first.error and KEY not in first.error and second.error == ""


def test_what_was_made_is_what_a_request_was_about_and_its_body_is_as_it_was_sent() -> None:
    with way(answer(200, {"id": "t9"}), answer(400, {"error": "no"}), answer(200, {})) as (there, _):
        there.transport.request("POST", "/things", lambda success: success.body["id"], body={"name": "é"})
        there.error(there.post)
        there.transport.request("GET", "/things", lambda _: [], query={"limit": 100, "status": "a b"})
    made, refused, listed = there.calls
    assert (made.about, made.body) == ("t9", b'{"name": "\\u00e9"}')
    assert (refused.about, refused.error_code) == ("", "rejected")
    assert (listed.target, listed.about) == ("/things?limit=100&status=a+b", "")


def test_a_recorder_that_breaks_does_not_lose_the_answer() -> None:
    def broken(_: SentRequest) -> None:
        raise RuntimeError

    with scripted(answer(200, {"a": 1})) as upstream:
        transport = Transport(base_url=upstream.url, api_key=SecretStr(KEY), recorder=broken)
        assert transport.request("POST", "/things", _json) == {"a": 1}


def test_forty_threads_share_one_transport(caplog: pytest.LogCaptureFixture) -> None:
    got: list[Any] = []
    with way(answer(200, {"a": 1}), timeouts=(5.0, 5.0)) as (there, upstream):
        threads = [threading.Thread(target=lambda: got.append(there.get())) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(upstream.seen) == 40
    assert got == [{"a": 1}] * 40 and caplog.records == []
