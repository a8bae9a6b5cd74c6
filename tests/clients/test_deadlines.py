"""One deadline for the whole exchange: whatever the other side does slowly, and whichever phase it does it in."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr

from lib.clients import connections, sweeping
from lib.clients.chat import ChatClient
from lib.clients.transport import Transport
from lib.errors import Ambiguous, GreenroomError, NotSent
from tests.scripted_server import Scripted, Step, answer, raw, scripted
from tests.silent import silent

LIMIT_S = 0.6
MARGIN_S = 1.5
STEP_S = 0.03
HEAD = b"HTTP/1.1 200 OK\r\n"
EVENTS = HEAD + b"Content-Type: text/event-stream\r\n\r\n"
CHUNKED = HEAD + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def drip(before: bytes, again: bytes) -> Step:
    """These bytes at once, then the others for as long as anybody listens, each within any limit for a single read."""

    def step(peer: socket.socket) -> None:
        give_up = time.monotonic() + 20 * LIMIT_S
        with contextlib.suppress(OSError):
            peer.sendall(before)
            while time.monotonic() < give_up:
                peer.sendall(again)
                time.sleep(STEP_S)

    return step


def head_only(peer: socket.socket) -> None:
    peer.sendall(EVENTS)
    time.sleep(2)


def byte_by_byte(text: bytes) -> Step:
    def step(peer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for number in text:
                peer.sendall(bytes([number]))
                time.sleep(STEP_S)

    return step


SLOW: dict[str, Step] = {
    "status line": byte_by_byte(b"HTTP/1.1 200 " + b"O" * 400 + b"\r\n\r\n"),
    "100 for ever": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "102 for ever": drip(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "103 for ever": drip(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "headers of an interim answer": drip(b"HTTP/1.1 103 Early Hints\r\nLink: ", b"x"),
    "headers byte by byte": drip(HEAD + b"X-Slow: ", b"x"),
    "many headers": drip(HEAD, b"X: 1\r\n"),
    "body": drip(HEAD + b"Content-Length: 9000\r\n\r\n", b" "),
    "body without length": drip(HEAD + b"Connection: close\r\n\r\n", b" "),
    "chunks": drip(CHUNKED, b"1\r\n \r\n"),
    "size of a chunk": drip(CHUNKED, b"0"),
    "inside a chunk": drip(CHUNKED + b"ffff\r\n", b" "),
    "trailers": drip(CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"x"),
    "packed": drip(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9000\r\n\r\n\x1f\x8b\x08\x08", b"n"),
}


def failure(url: str, method: str, **options: Any) -> tuple[GreenroomError, float]:
    """What a request ends with, and after how many seconds."""
    made = Transport(base_url=url, api_key=SecretStr("k"), timeouts=(LIMIT_S, LIMIT_S), sleep=lambda _: None)
    begun = time.monotonic()
    with closing(made), pytest.raises(GreenroomError) as caught:
        made.request(method, "/conversations", lambda success: success, **options)
    return caught.value, time.monotonic() - begun


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("phase", SLOW)
def test_an_answer_that_comes_slowly_is_given_up_in_time_and_never_asked_for_again(phase: str, method: str) -> None:
    with scripted(SLOW[phase]) as server:
        error, took_s = failure(server.url, method, body={} if method == "POST" else None)
        assert len(server.seen) == 1
    assert isinstance(error, Ambiguous) and error.code == "no_answer", error
    assert f"within {LIMIT_S:g} s" in error.message
    assert took_s < LIMIT_S + MARGIN_S


@pytest.mark.parametrize("size", [2_000, 30_000_000])
def test_a_peer_that_never_reads_is_given_up_in_time_and_may_have_got_it(size: int) -> None:
    with silent() as port:
        error, took_s = failure(f"http://127.0.0.1:{port}", "POST", body={"text": "x" * size})
    assert isinstance(error, Ambiguous) and error.code == "no_answer"
    assert took_s < LIMIT_S + MARGIN_S


def test_interim_answers_are_no_answer_and_the_one_after_them_is() -> None:
    early = raw(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")

    def both(peer: socket.socket) -> None:
        early(peer)
        answer(200, {"conversation_id": "c1"})(peer)

    with scripted(both) as server:
        made = Transport(base_url=server.url, api_key=SecretStr("k"))
        with closing(made):
            found = made.request("POST", "/conversations", lambda success: (success.status, success.body), body={})
    assert found == (200, {"conversation_id": "c1"})


def test_a_kept_connection_has_the_deadline_of_each_request_and_not_of_its_first() -> None:
    with scripted(answer(200, {})) as server:
        made = Transport(base_url=server.url, api_key=SecretStr("k"), timeouts=(0.3, 0.3))
        with closing(made):
            for _ in range(3):
                made.request("GET", "/x", lambda success: success)
                time.sleep(0.2)
        assert (server.connections, len(server.seen)) == (1, 3)


def test_tries_together_take_no_longer_than_one_may_and_one_more() -> None:
    def slow_failure(peer: socket.socket) -> None:
        time.sleep(LIMIT_S * 0.6)
        answer(503, {"message": "busy"})(peer)

    with scripted(slow_failure) as server:
        error, took_s = failure(server.url, "GET")
        assert len(server.seen) == 2
    assert error.status == 503 and took_s < 2 * LIMIT_S + MARGIN_S


def test_a_list_whose_pages_all_come_slowly_ends_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "WHOLE_LIST_S", 0.5)
    numbers = iter(range(1000))

    def page(peer: socket.socket) -> None:
        time.sleep(0.1)
        answer(200, {"data": [{"id": f"x{next(numbers)}"}], "total_count": 400})(peer)

    class Row:
        def __init__(self, row: Any) -> None:
            self.id: str = row["id"]

    with scripted(page) as server:
        made = Transport(base_url=server.url, api_key=SecretStr("k"))
        with closing(made), pytest.raises(Ambiguous, match=r"to its end within 0\.5 s"):
            sweeping.sweep(made, "/things", Row)
        assert 2 <= len(server.seen) <= 7


# before a byte left


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 ", b"HTTP/1.1 200 Connection established\r\nX: "])
def test_a_proxy_whose_tunnel_comes_slowly_was_sent_nothing(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(drip(said, b"x")) as proxy:
        proxied(monkeypatch, proxy)
        error, took_s = failure("https://tavus.invalid/v2", "POST", body={})
    assert isinstance(error, NotSent) and error.code == "proxy"
    assert took_s < LIMIT_S + MARGIN_S


def test_a_proxy_that_answers_nonsense_was_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(raw(b"SSH-2.0-x\r\n")) as proxy:
        proxied(monkeypatch, proxy)
        error, _ = failure("https://tavus.invalid/v2", "POST", body={})
    assert isinstance(error, NotSent) and error.code == "proxy"


def proxied(monkeypatch: pytest.MonkeyPatch, proxy: Scripted) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")


def test_a_handshake_that_comes_slowly_was_sent_nothing() -> None:
    # A handshake record of 16 kB that never becomes whole.
    with taking(lambda peer: drip(b"\x16\x03\x03\x40\x00", b"\x02")(peer)) as port:
        error, took_s = failure(f"https://127.0.0.1:{port}", "POST", body={})
    assert isinstance(error, NotSent) and error.code == "tls"
    assert took_s < LIMIT_S + MARGIN_S


@pytest.mark.parametrize("phase", ["headers byte by byte", "inside a chunk"])
def test_behind_a_secure_connection_the_deadline_is_the_same(
    phase: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    monkeypatch.setattr("lib.clients.transport.is_loopback", lambda host: False)

    def secured(peer: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(peer, server_side=True) as inside:
            inside.recv(4096)
            SLOW[phase](inside)

    with taking(secured) as port:
        error, took_s = failure(f"https://127.0.0.1:{port}", "POST", body={})
    assert isinstance(error, Ambiguous) and error.code == "no_answer"
    assert took_s < LIMIT_S + MARGIN_S


def test_a_name_that_is_looked_up_for_ever_was_sent_nothing_and_costs_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, go_on, real = [], threading.Event(), socket.getaddrinfo

    def stuck(host: str, port: int, family: int = 0, kind: int = 0, proto: int = 0, flags: int = 0) -> Any:
        if host != "stuck.invalid" or flags & socket.AI_NUMERICHOST:
            return real(host, port, family, kind, proto, flags)
        asked.append(host)
        go_on.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "no")

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    for _ in range(3):
        error, took_s = failure("https://stuck.invalid/v2", "POST", body={})
        assert isinstance(error, NotSent) and error.code == "dns"
        assert took_s < LIMIT_S + MARGIN_S
    assert asked == ["stuck.invalid"]
    go_on.set()
    give_up = time.monotonic() + 5
    while connections._lookups and time.monotonic() < give_up:
        time.sleep(0.01)
    assert not connections._lookups


@contextmanager
def taking(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port whose connections are each given to `serve`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        threads = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                peer, _ = listener.accept()
                with peer:
                    serve(peer)

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        yield listener.getsockname()[1]
    threads[0].join(10)


# what is read while it is written


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (drip(HEAD + b"Content-Type: text/event-stream\r\nX: ", b"x"), "did not answer within 0.6 s"),
        (drip(EVENTS, b": alive\n\n"), "had no end within 0.9 s"),
        (drip(EVENTS + b"data: ", b"x"), "had no end within 0.9 s"),
        (head_only, "did not answer within 0.6 s"),
    ],
    ids=["headers", "lines that say nothing", "one endless line", "silence"],
)
def test_a_stream_has_a_limit_for_its_headers_for_each_silence_and_for_the_whole(step: Step, told: str) -> None:
    with scripted(step) as server:
        client = ChatClient(base_url=server.url, api_key=None, model="", timeouts=(1.0, LIMIT_S), stream_s=0.9)
        begun = time.monotonic()
        with closing(client), pytest.raises(Ambiguous) as caught:
            list(client.stream([{"role": "user", "content": "hi"}]))
        assert told in caught.value.message
        assert time.monotonic() - begun < 0.9 + MARGIN_S


def test_a_stream_that_goes_on_for_longer_than_a_whole_exchange_may_is_heard_to_its_end() -> None:
    def words(peer: socket.socket) -> None:
        peer.sendall(EVENTS)
        for word in ["a"] * 6:
            time.sleep(0.2)
            peer.sendall(b"data: " + json.dumps({"choices": [{"delta": {"content": word}}]}).encode() + b"\n\n")
        peer.sendall(b"data: [DONE]\n\n")

    with scripted(words) as server:
        client = ChatClient(base_url=server.url, api_key=None, model="", timeouts=(1.0, LIMIT_S), stream_s=5)
        with closing(client):
            assert "".join(client.stream([{"role": "user", "content": "hi"}])) == "aaaaaa"
