"""The key and a meeting token turn up in no message, no traceback and no log, whatever goes wrong."""

from __future__ import annotations

import base64
import logging
import socket
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from lib.clients.tavus import Tavus
from lib.clients.transport import SentRequest
from lib.errors import GreenroomError
from tests import scripted_server as server
from tests.scripted_server import answer, scripted

KEY = "tvsk_CANARY_5f1d0c9b7a"
TOKEN = "eyJCANARYTOKEN.payload.signature"
ECHO = {"error": f"Invalid access token {KEY}"}
ROW = {"conversation_id": "c1", "conversation_url": f"https://tavus.daily.co/c1?t={TOKEN}", "meeting_token": TOKEN}

STEPS: dict[str, server.Step] = {
    **{str(status): answer(status, ECHO, {"X-Echo": KEY}) for status in (400, 401, 402, 403, 404, 422, 429, 500, 503)},
    "redirect": answer(302, None, {"Location": f"https://evil.example/?key={KEY}"}),
    "html": answer(200, f"<html>{KEY}</html>"),
    "html error": answer(502, f"<html>{KEY}</html>"),
    "half": server.then_close(answer(200, '{"data": [' + f'"{KEY}', claimed=500)),
    "no rows": answer(200, {"data": KEY}),
    "no id": answer(200, {"meeting_token": TOKEN, "conversation_url": ROW["conversation_url"]}),
    "close": server.close,
    "reset": server.reset,
    "garbage": server.raw(f"HTTP/1.1 {KEY}\r\n\r\n".encode()),
    "bad header": server.then_close(server.raw(f"HTTP/1.1 200 OK\r\nContent-Length: {KEY}\r\n\r\n".encode())),
    "many headers": server.raw(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % i for i in range(200)) + b"\r\n"),
}


def every_call(tavus: Tavus) -> dict[str, Callable[[], Any]]:
    return {
        "create": lambda: tavus.conversations.create({"conversation_name": "n"}),
        "end": lambda: tavus.conversations.end(conversation_id="c1"),
        "get": lambda: tavus.conversations.get(conversation_id="c1", verbose=True),
        "list": tavus.personas.all,
        "patch": lambda: tavus.personas.patch(persona_id="p1", operations=[]),
        "delete": lambda: tavus.personas.delete(persona_id="p1"),
    }


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Everything that was said: what the test adds, and what any logger says at any level."""
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="urllib3"):
        said: list[str] = []
        yield said
    formatter = logging.Formatter("%(name)s %(message)s")
    said += [formatter.format(record) for record in caplog.get_records("call")]
    everything = "\n".join(said)
    assert "urllib3" in everything, "the log was not looked at"
    for secret in (KEY, TOKEN):
        for form in (secret, base64.b64encode(secret.encode()).decode(), secret[-8:]):
            assert form not in everything


def confess(error: BaseException) -> str:
    """All that a log, a page or a debugger would show of an error."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        parts += [str(seen), repr(seen), repr(seen.args), repr(vars(seen)), "".join(traceback.format_exception(seen))]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(parts)


@pytest.mark.parametrize("name", STEPS)
def test_no_failure_shows_the_key(name: str, told: list[str]) -> None:
    calls: list[SentRequest] = []
    with scripted(STEPS[name]) as upstream:
        tavus = Tavus(
            base_url=upstream.url, api_key=SecretStr(KEY), timeouts=(1, 1), sleep=lambda s: None, recorder=calls.append
        )
        failed = 0
        for send in every_call(tavus).values():
            try:
                send()
            except GreenroomError as error:
                failed += 1
                told.append(confess(error))
        tavus.close()
    told += [repr(calls), repr(tavus)]
    assert failed >= 3 and all(KEY in seen.headers["x-api-key"] for seen in upstream.seen)


def test_silence_and_an_unreachable_address_do_not_show_it(told: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}/v2"
    with scripted() as upstream:
        upstream.steps = [upstream.silent]
        for url in (upstream.url, nobody, "https://tavus.invalid/v2"):
            tavus = Tavus(base_url=url, api_key=SecretStr(KEY), timeouts=(1, 0.05))
            for send in every_call(tavus).values():
                with pytest.raises(GreenroomError) as caught:
                    send()
                told.append(confess(caught.value))


@pytest.mark.parametrize("ending", ["\n", "\r\nX-Other: 1", " ", "\u20ac", "\u0000"])
def test_a_key_that_no_header_can_carry_is_not_quoted(ending: str, told: list[str]) -> None:
    with scripted(answer(400, {})) as upstream:
        tavus = Tavus(base_url=upstream.url, api_key=SecretStr(KEY + ending), timeouts=(1, 1))
        for send in every_call(tavus).values():
            with pytest.raises(GreenroomError) as caught:
                send()
            told.append(confess(caught.value))
        assert all("x-other" not in seen.headers for seen in upstream.seen)


def test_a_meeting_token_is_in_no_repr_and_not_in_the_address(told: list[str]) -> None:
    row = {key: value for key, value in ROW.items() if key != "meeting_token"}
    with scripted(answer(200, ROW), answer(200, row)) as upstream:
        tavus = Tavus(base_url=upstream.url, api_key=SecretStr(KEY))
        for _ in range(2):
            conversation = tavus.conversations.create({})
            assert conversation.meeting_token == TOKEN and conversation.url == "https://tavus.daily.co/c1"
            told.append(repr(conversation))
