"""The chat endpoint's client against a real server that behaves well, badly, slowly and not at all."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from pydantic import SecretStr

from lib.clients.chat import TOO_LONG, ChatClient
from lib.errors import (
    Ambiguous,
    GreenroomError,
    KeyRefused,
    NotSent,
    OutOfCredit,
    RateLimited,
    UpstreamError,
    UpstreamRejected,
)
from tests.scripted_server import Scripted, Step, answer, raw, scripted, then_close

KEY = "sk-CANARY-83d1c07e55"
ASKED = [{"role": "system", "content": "You are Bo."}, {"role": "user", "content": "Hello"}]
PAGE = "<!doctype html><html><body>Please sign in</body></html>"


def said(content: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}]}


def piece(content: str | None = None, finish: str | None = None) -> str:
    delta = {"content": content} if content is not None else {}
    return "data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}) + "\n\n"


def streamed(*lines: str, kind: str = "text/event-stream") -> Step:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
    return then_close(raw((head + "".join(lines)).encode()))


@contextmanager
def client_of(*steps: Step, key: str | None = KEY, limit_s: float = 2.0) -> Iterator[tuple[ChatClient, Scripted]]:
    with scripted(*steps) as server:
        secret = SecretStr(key) if key is not None else None
        client = ChatClient(base_url=server.url, api_key=secret, model="tiny", timeouts=(1.0, limit_s))
        yield client, server
        client.close()


def refusal(*steps: Step, limit_s: float = 2.0) -> GreenroomError:
    with client_of(*steps, limit_s=limit_s) as (client, _), pytest.raises(GreenroomError) as caught:
        client.complete(ASKED)
    return caught.value


def test_a_completion_is_asked_for_and_read_as_openai_writes_it() -> None:
    with client_of(answer(200, said("  Hello, I am Bo. "))) as (client, server):
        assert client.complete(ASKED) == "Hello, I am Bo."
    seen = server.seen[0]
    assert (seen.method, seen.target) == ("POST", "/v2/chat/completions")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.json == {"model": "tiny", "messages": ASKED, "stream": False}


def test_content_in_parts_and_hidden_thoughts_are_read_as_the_words_said() -> None:
    with client_of(answer(200, said([{"type": "text", "text": "Good "}, {"type": "text", "text": "day."}]))) as (
        client,
        _,
    ):
        assert client.complete(ASKED) == "Good day."
    with client_of(answer(200, said("<think>He greets me.</think>\nHello."))) as (client, _):
        assert client.complete(ASKED) == "Hello."


def test_without_a_key_no_authorization_is_sent_not_even_from_a_netrc(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with client_of(answer(200, said("Hi."))), client_of(answer(200, said("Hi.")), key=None) as (client, server):
        client.complete(ASKED)
    assert "authorization" not in server.seen[0].headers


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"message": "Incorrect API key"}}, KeyRefused),
        (403, {"error": {"message": "No"}}, KeyRefused),
        (402, {"error": {"message": "Payment required"}}, OutOfCredit),
        (404, {"error": {"message": "model 'tiny' not found"}}, UpstreamRejected),
        (404, PAGE, UpstreamRejected),
        (400, {"error": {"message": "bad messages"}}, UpstreamRejected),
        (429, {"error": {"message": "slow down"}}, RateLimited),
        (500, {"error": {"message": "oops"}}, Ambiguous),
        (503, PAGE, Ambiguous),
        (307, "", UpstreamRejected),
    ],
)
def test_a_refusal_is_the_error_that_names_its_cause_and_this_endpoints_settings(
    status: int, body: Any, kind: type[UpstreamError]
) -> None:
    error = refusal(answer(status, body, {"Location": "http://127.0.0.1:1/elsewhere"}))
    assert type(error) is kind
    assert error.status == status
    assert "TAVUS" not in error.hint
    assert "<" not in error.message
    assert "127.0.0.1" in error.message


def test_a_model_that_is_not_known_is_named() -> None:
    error = refusal(answer(404, {"error": {"message": "model 'tiny' not found, try pulling it first"}}))
    assert "model 'tiny' not found" in error.message
    assert "CHAT_MODEL" in error.hint


@pytest.mark.parametrize(
    "body",
    [PAGE, "{", "[]", {"choices": []}, {"choices": [{}]}, said(None), said("  "), said(["x"]), said("<think>on")],
)
def test_an_answer_without_words_is_an_error_and_no_silence(body: Any) -> None:
    error = refusal(answer(200, body))
    assert isinstance(error, Ambiguous)
    assert "<" not in error.message


def test_a_connection_that_breaks_off_is_an_error() -> None:
    assert isinstance(refusal(then_close(answer(200, said("Hello"), claimed=5000))), Ambiguous)


def test_a_silent_endpoint_costs_no_more_than_its_limit() -> None:
    with scripted() as server:
        server.steps.append(server.silent)
        client = ChatClient(base_url=server.url, api_key=None, model="", timeouts=(1.0, 0.3))
        told = r"^127\.0\.0\.1:\d+ did not answer within 0\.3 s\.$"
        with pytest.raises(Ambiguous, match=told):
            client.complete(ASKED)
        with pytest.raises(Ambiguous, match=told):
            list(client.stream(ASKED))
        client.close()


def test_an_endpoint_that_trickles_is_cut_off_as_a_whole() -> None:
    with scripted() as server:
        server.steps.append(server.trickle)
        client = ChatClient(base_url=server.url, api_key=None, model="", timeouts=(1.0, 0.4))
        with pytest.raises(Ambiguous, match=r"within 0\.4 s"):
            client.complete(ASKED)
        client.close()


def slowly(peer: socket.socket) -> None:
    """Ten pieces within half a second, and an end."""
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    with suppress(OSError):
        for n in range(10):
            peer.sendall(piece(f"{n} ").encode())
            time.sleep(0.05)
        peer.sendall(b"data: [DONE]\n\n")
        peer.shutdown(socket.SHUT_RDWR)


def test_a_stream_may_take_longer_than_a_whole_answer_while_words_come_and_has_a_limit_of_its_own() -> None:
    with scripted(slowly, slowly) as server:
        patient, hasty = (
            ChatClient(base_url=server.url, api_key=None, model="", timeouts=(1.0, 0.3), stream_s=limit_s)
            for limit_s in (5.0, 0.2)
        )
        assert len(list(patient.stream(ASKED))) == 10
        with pytest.raises(Ambiguous, match=r"answer had no end within 0\.2 s\.$"):
            list(hasty.stream(ASKED))
        patient.close()
        hasty.close()


@pytest.mark.parametrize(
    "error",
    [
        {"code": "context_length_exceeded", "message": "This model's maximum context length is 8192 tokens."},
        {"type": "exceed_context_size_error", "message": "request (6031 tokens) exceeds it", "code": 400},
        {"message": "This model's maximum context length is 2048 tokens. However, you requested 3000."},
    ],
    ids=["OpenAI", "llama.cpp", "vLLM"],
)
def test_a_request_that_is_longer_than_the_model_can_read_is_told_apart(error: dict[str, Any]) -> None:
    told = refusal(answer(400, {"error": error}))
    assert isinstance(told, UpstreamRejected) and told.code == TOO_LONG
    assert "Write less" in told.hint and error["message"] in told.message


def test_an_endpoint_that_is_not_there_was_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = ChatClient(base_url=f"http://127.0.0.1:{port}/v1", api_key=SecretStr(KEY), model="m")
    for call in (lambda: client.complete(ASKED), lambda: list(client.stream(ASKED))):
        with pytest.raises(NotSent) as caught:
            call()
        assert "CHAT_BASE_URL" in caught.value.hint
    client.close()


def test_a_stream_gives_its_pieces_and_ends_with_done() -> None:
    lines = (": keep-alive\n\n", piece(""), piece("Hel"), piece("lo."), piece(finish="stop"), "data: [DONE]\n\n")
    with client_of(streamed(*lines)) as (client, server):
        assert list(client.stream(ASKED)) == ["Hel", "lo."]
    assert server.seen[0].json["stream"] is True


def test_a_stream_that_ends_with_a_finish_reason_alone_is_whole() -> None:
    with client_of(streamed(piece("Hi."), piece(finish="length"))) as (client, _):
        assert list(client.stream(ASKED)) == ["Hi."]


@pytest.mark.parametrize(
    ("lines", "heard"),
    [
        ((piece("Hel"), piece("lo")), ["Hel", "lo"]),
        ((piece("Hel"), 'data: {"choices": [{"del'), ["Hel"]),
        ((piece("Hel"), 'data: {"error": {"message": "out of memory"}}\n\n'), ["Hel"]),
        (("data: [DONE]\n\n",), []),
        ((), []),
    ],
    ids=["cut", "half a line", "error inside", "empty", "nothing"],
)
def test_a_stream_that_is_not_whole_raises_after_its_last_piece(lines: tuple[str, ...], heard: list[str]) -> None:
    with client_of(streamed(*lines)) as (client, _):
        pieces = client.stream(ASKED)
        assert [next(pieces) for _ in heard] == heard
        with pytest.raises(Ambiguous):
            next(pieces)


def test_an_endpoint_that_does_not_stream_answers_in_one_piece() -> None:
    with client_of(answer(200, said("All at once."))) as (client, _):
        assert list(client.stream(ASKED)) == ["All at once."]


def test_a_refused_stream_is_an_error_before_its_first_piece() -> None:
    with client_of(answer(401, {"error": {"message": "no"}})) as (client, _), pytest.raises(KeyRefused):
        next(client.stream(ASKED))


def test_half_an_emoji_can_be_sent() -> None:
    with client_of(answer(200, said("Yes."))) as (client, server):
        client.complete([{"role": "user", "content": "\ud83d"}])
    assert server.seen[0].json["messages"][0]["content"] == "\ud83d"


def test_the_key_is_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error = refusal(answer(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}))
    shown = f"{error} {error.message} {error!r} {error.hint} {error.__cause__} {error.__context__}"
    assert KEY not in shown
    assert "***" in error.message
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("pieces", "answer"),
    [
        (["<think>Hm", "m</think>", "\n\nYes."], "Yes."),
        (["<th", "ink>a</t", "hink> Yes", ", we can."], "Yes, we can."),
        (["2 < 3 and <thin", "g> stays"], "2 < 3 and <thing> stays"),
        (["Well.<think>never closed"], "Well."),
        (["ends in <thi"], "ends in <thi"),
    ],
)
def test_what_a_model_thinks_aloud_is_left_out_of_a_stream(pieces: list[str], answer: str) -> None:
    lines = [*map(piece, pieces), piece(finish="stop"), "data: [DONE]\n\n"]
    with client_of(streamed(*lines)) as (client, _):
        assert "".join(client.stream(ASKED)) == answer
