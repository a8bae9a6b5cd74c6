"""The way to a chat endpoint that speaks OpenAI's `POST {base_url}/chat/completions`: a hosted one, Ollama, llama.cpp.

Wire: https://platform.openai.com/docs/api-reference/chat. Nothing is repeated and no redirect is followed. The key
goes into one header and is blotted out of whatever is quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from pydantic import SecretStr

from lib.clients import faults, unreached
from lib.clients.connections import ExchangeDeadline
from lib.clients.vendor import Vendor
from lib.clients.wire import BODY_LIMIT, KeyHeader, NoAnswer, NotConnected, Wire, WireAnswer, too_large
from lib.errors import (
    Ambiguous,
    GreenroomError,
    KeyRefused,
    NotSent,
    OutOfCredit,
    RateLimited,
    SettingsWrong,
    UpstreamError,
    UpstreamRejected,
)
from lib.models import is_loopback
from lib.redaction import Redaction

Messages = Sequence[Mapping[str, str]]
"""`{"role": "system" | "user" | "assistant", "content": ...}`, oldest first."""

Hold = Callable[[Callable[[], None]], None]
"""Is given what hangs up on the endpoint, to be called from any thread at any time."""

_HINTS: dict[type[GreenroomError], str] = {
    KeyRefused: "Put the endpoint's key into CHAT_API_KEY and restart, or remove CHAT_BASE_URL to use the stand-in.",
    OutOfCredit: "Top up the chat endpoint's account, or remove CHAT_BASE_URL to use the stand-in.",
    RateLimited: "Wait a moment, then send it again.",
    UpstreamRejected: "Check CHAT_BASE_URL and CHAT_MODEL. Nothing of the call is lost.",
    NotSent: "Check that the chat endpoint runs and that CHAT_BASE_URL is its address. Nothing of the call is lost.",
    Ambiguous: "Send it again in a moment. Nothing of the call is lost.",
}
TOO_LONG = "context_too_long"
_TOO_LONG_HINT = (
    "Write less at once, or give the model a larger context (llama.cpp: --ctx-size; Ollama: OLLAMA_CONTEXT_LENGTH)."
)
_TOO_LONG = re.compile(
    rb"context_length_exceeded|exceed_context_size|maximum context length|context (size|length|window)", re.IGNORECASE
)
"""How OpenAI, llama.cpp and vLLM say that a request is longer than the model can read."""

_PLAIN = (unreached.DNS.code, unreached.REFUSED.code, unreached.SILENT.code)
"""With an endpoint that is mostly a program on the same machine, these mean that it does not run."""

_THOUGHTS = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)


class ChatClient:
    """One endpoint with one model. `timeouts` are (connect, whole answer) in seconds. Of an answer that is read while
    it is written the second bounds each silence, and `stream_s` the whole: a model on a small machine is slow.

    Both methods raise UpstreamError (KeyRefused, RateLimited, NotSent, Ambiguous ...) with a hint that names the
    settings of this endpoint, or SettingsWrong for a key or address that can't be used in a request. A request that
    is longer than the model can read is an UpstreamRejected with the code TOO_LONG.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: SecretStr | None,
        model: str,
        timeouts: tuple[float, float] = (3.0, 25.0),
        stream_s: float = 120.0,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._who = urlsplit(base_url).netloc.rpartition("@")[2] or "The chat endpoint"
        self._loopback = is_loopback(urlsplit(base_url).hostname)
        self._redaction = Redaction([api_key.get_secret_value()] if api_key else [])
        self._wire = _LineWire(_Bearer(api_key), timeouts, stream_s)
        self.model = model

    def close(self) -> None:
        self._wire.close()

    @property
    def who(self) -> str:
        """The endpoint's host, as errors name it."""
        return self._who

    def models(self) -> list[str] | None:
        """The models that it says it has, by `GET {base_url}/models`; None where it does not say. Free."""
        request = requests.Request("GET", self._url.removesuffix("/chat/completions") + "/models")
        try:
            answer = self._wire.send(request, loopback=self._loopback, own_connection=True)
        except (NotConnected, NoAnswer, ValueError) as error:
            failure = self._failure(error)
        else:
            if answer.status in (404, 405):
                return None
            if not 200 <= answer.status < 300:
                raise self._told(answer)
            try:
                rows = faults.parsed(answer)["data"]
                return [str(row["id"]) for row in rows]
            except (ValueError, KeyError, TypeError):
                return None
        raise failure

    def complete(self, messages: Messages) -> str:
        """The model's whole answer, not empty."""
        try:
            answer = self._wire.send(self._request(messages), loopback=self._loopback, own_connection=True)
        except (NotConnected, NoAnswer, ValueError) as error:
            failure = self._failure(error)
        else:
            return self._content(answer)
        raise failure

    def stream(self, messages: Messages, *, hold: Hold | None = None) -> Iterator[str]:
        """The answer in pieces as they come. A stream that breaks off, or is hung up on, raises after its last piece.

        `hold` is called once the endpoint has begun to answer.
        """
        pieces = self._wire.lines(self._request(messages, stream=True), loopback=self._loopback, hold=hold)
        failure: GreenroomError | None = None
        try:
            yield from _without_thoughts(self._pieces(pieces))
        except (NotConnected, NoAnswer) as error:
            failure = self._failure(error)
        except ValueError as error:
            failure = self._failure(error)
        if failure is not None:
            raise failure

    def _pieces(self, lines: Iterator[WireAnswer | bytes]) -> Iterator[str]:
        said, done = False, False
        for line in lines:
            if isinstance(line, WireAnswer):  # an error, or an endpoint that does not stream
                yield self._content(line)
                return
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                done = True
                break
            piece, finished = self._piece(data)
            done = done or finished
            if piece:
                said = True
                yield piece
        if not done:
            raise self._error(Ambiguous(f"{self._who} broke off in the middle of its answer.", code="broke_off"))
        if not said:
            raise self._empty()

    def _piece(self, data: bytes) -> tuple[str, bool]:
        try:
            event = json.loads(data)
            if isinstance(event, dict) and "error" in event:
                raise self._told(WireAnswer(500, {}, data))
            choice = event["choices"][0] if event["choices"] else {}
            return _text(choice.get("delta", {}).get("content")), bool(choice.get("finish_reason"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise self._unusable() from None

    def _content(self, answer: WireAnswer) -> str:
        if not 200 <= answer.status < 300:
            raise self._told(answer)
        try:
            text = _text(faults.parsed(answer)["choices"][0]["message"]["content"])
        except (ValueError, KeyError, TypeError, IndexError):
            raise self._unusable(answer) from None
        text = _THOUGHTS.sub("", text).strip()
        if not text:
            raise self._empty()
        return text

    def _request(self, messages: Messages, *, stream: bool = False) -> requests.Request:
        body = {"model": self.model or "default", "messages": [dict(one) for one in messages], "stream": stream}
        # ASCII escapes: a lone surrogate, half an emoji, can't be written as UTF-8.
        raw = json.dumps(body).encode("ascii")
        return requests.Request("POST", self._url, data=raw, headers={"Content-Type": "application/json"})

    def _told(self, answer: WireAnswer) -> GreenroomError:
        error = faults.error_for(
            answer, vendor=Vendor(self._who), reads=False, names_one=False, hide=self._redaction.text
        )
        if isinstance(error, OutOfCredit):
            error.message = f"The account at {self._who} has no credit left ({answer.status})."
        if not isinstance(error, UpstreamError):
            error = UpstreamRejected(error.message, status=answer.status)
        if isinstance(error, UpstreamRejected) and _TOO_LONG.search(answer.body):
            error.code = TOO_LONG
            return self._error(error, _TOO_LONG_HINT)
        return self._error(error)

    def _unusable(self, answer: WireAnswer | None = None) -> GreenroomError:
        page = answer is not None and faults.web_page(answer)
        what = "with a web page instead of data" if page else "in a form that is no chat completion"
        hint = "Check CHAT_BASE_URL: for most servers it ends in /v1." if page else None
        return self._error(Ambiguous(f"{self._who} answered {what}.", code="unusable_answer"), hint)

    def _empty(self) -> GreenroomError:
        return self._error(Ambiguous(f"{self._who} gave an empty answer.", code="empty_answer"))

    def _failure(self, error: NotConnected | NoAnswer | ValueError) -> GreenroomError:
        if isinstance(error, NotConnected):
            code, told = error.reason.code, f"{self._who} can't be reached: {error}."
            hint = "" if code in _PLAIN else f"{error.reason.hint()} Nothing of the call is lost."
            return self._error(NotSent(told, code=code), hint)
        if isinstance(error, NoAnswer):
            code = "connection_lost" if error.lost else "no_answer"
            return self._error(Ambiguous(error.told(self._who), code=code))
        return SettingsWrong("CHAT_API_KEY or CHAT_BASE_URL can't be used in a request.")

    def _error(self, error: GreenroomError, hint: str | None = None) -> GreenroomError:
        error.args = (error.message,)
        error.advice, error.besides = hint or _HINTS.get(type(error), error.advice), ""
        return error


class _Bearer(KeyHeader):
    def __init__(self, key: SecretStr | None) -> None:
        super().__init__("Authorization", key or SecretStr(""), "Bearer")
        self._given = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return super().__call__(request) if self._given is not None else request


class _LineWire(Wire):
    """Also reads an answer line by line while it comes: from its headers on for `stream_s` seconds at most, while the
    time for a whole exchange bounds each silence."""

    def __init__(self, auth: KeyHeader, timeouts: tuple[float, float], stream_s: float) -> None:
        super().__init__(auth, timeouts)
        self._stream_s = stream_s

    def lines(
        self, request: requests.Request, *, loopback: bool, hold: Hold | None = None
    ) -> Iterator[WireAnswer | bytes]:
        """Lines of an event stream, or one whole `WireAnswer` where there is none. Raises as `send` does."""
        session = self._session()
        prepared = session.prepare_request(request)
        assert prepared.url is not None
        settings = self._surroundings(session, prepared.url, loopback)
        failure: NotConnected | NoAnswer | None = None
        answer: requests.Response | None = None
        deadline = ExchangeDeadline(self._timeouts[1])
        try:
            answer = self._answered(session, prepared, settings, deadline)
            kind = answer.headers.get("content-type", "")
            if hold is not None:
                hold(partial(_hang_up, answer.raw))
            if answer.status_code == 200 and "event-stream" in kind:
                deadline.renew(self._stream_s)
                yield from self._split(answer, deadline)
            else:
                yield WireAnswer(answer.status_code, {"content-type": kind}, self._body(answer))
        except NoAnswer as error:
            failure = error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure = self._failure(error, deadline)
        finally:
            if answer is not None:
                answer.close()
            session.close()
        # Raised out here, so that it has no context: requests' errors hold the request, with the key in its headers.
        if failure is not None:
            raise failure

    def _no_end(self, who: str) -> str:
        return f"{who}'s answer had no end within {self._stream_s:g} s."

    def _split(self, answer: requests.Response, deadline: ExchangeDeadline) -> Iterator[bytes]:
        rest, size = b"", 0
        while part := self._part(answer, deadline):
            size += len(part)
            if size > BODY_LIMIT:
                raise NoAnswer(too_large, lost=False)
            *whole, rest = (rest + part).split(b"\n")
            yield from (line.strip() for line in whole)
        if rest.strip():
            yield rest.strip()

    def _part(self, answer: requests.Response, deadline: ExchangeDeadline) -> bytes:
        try:
            return bytes(answer.raw.read1(65536, decode_content=True))
        except urllib3.exceptions.TimeoutError:
            if deadline.passed:
                raise NoAnswer(self._no_end, lost=False) from None
            raise


def _hang_up(raw: urllib3.HTTPResponse) -> None:
    """A read that waits in another thread gives up at once; closing alone would not wake it."""
    with suppress(ValueError, RuntimeError, TypeError, OSError):  # it is over already, or in this moment
        raw.shutdown()


def _text(content: Any) -> str:
    """A message's text, given as a string or as parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _without_thoughts(pieces: Iterator[str]) -> Iterator[str]:
    """The pieces without what stands between <think> and </think>, which some models say before they answer."""
    opening, closing = "<think>", "</think>"
    held, thinking, thought = "", False, False
    for piece in pieces:
        held += piece
        while True:
            mark = closing if thinking else opening
            said, found, rest = held.partition(mark)
            if not found:
                # The end of what came may be the beginning of a mark.
                keep = next((n for n in range(len(mark) - 1, 0, -1) if held.endswith(mark[:n])), 0)
                said, held = held[: len(held) - keep], held[len(held) - keep :]
            said = "" if thinking else said.lstrip() if thought else said
            if said:
                thought = False
                yield said
            if not found:
                break
            held, thinking, thought = rest, not thinking, thought or thinking
    if held and not thinking:
        yield held
