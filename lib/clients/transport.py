"""The way to Tavus: base URL, key, time limits, repeats and errors, each decided in this one place."""

from __future__ import annotations

import contextlib
import json
import random
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import requests
from pydantic import SecretStr

from lib.clients import faults
from lib.clients.unreached import NOTHING_SENT
from lib.clients.vendor import TAVUS, Vendor
from lib.clients.wire import KeyHeader, NoAnswer, NotConnected, Wire, WireAnswer
from lib.errors import Ambiguous, BadInput, GreenroomError, NotFound, NotSent, SettingsWrong
from lib.models import is_loopback
from lib.redaction import Redaction

T = TypeVar("T")

REPEATABLE = frozenset({"GET", "DELETE"})
ATTEMPTS = 3
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
READING_S = 10.0


@dataclass(frozen=True)
class SentRequest:
    """One request as it went, for whoever looks later: no key, and nothing of the answer but what went wrong.

    `route` is the pattern ("/personas/{persona_id}"); `status` is None where no answer came; `error_code` and `error`
    are "" for a success. `number` is our own, shared by the tries of one request. `about` is the id that the route
    names, or that of what was made. `body` is as it was sent: it may hold secrets of a persona, so whoever keeps it
    takes them out first.
    """

    at: datetime
    method: str
    route: str
    status: int | None
    ms: float
    error_code: str
    error: str = field(default="", repr=False)
    number: str = ""
    about: str = field(default="", repr=False)
    target: str = field(default="", repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class _Asked:
    """A request that is to be sent, perhaps several times."""

    method: str
    route: str
    path: str
    query: Mapping[str, Any]
    payload: bytes | None
    about: str
    number: str = field(default_factory=lambda: secrets.token_hex(5))


@dataclass(frozen=True)
class Success:
    """What a parse gets: `body` is the JSON, None where the answer had none."""

    status: int
    body: Any


class Transport:
    """Sends requests to one base URL with one key.

    GET and DELETE are repeated, at most twice, on 429, 502, 503, 504 and lost connections, after a pause with jitter;
    a `Retry-After` of up to 5 s is honoured and a longer one is left to the caller. Nothing else is ever repeated:
    a POST may start a paid call, and what became of a lost one is for the caller to find out. Writes that are not
    repeated have a connection of their own, since a kept one may be closing while the request leaves.

    `timeouts` are (connect, whole exchange) in seconds; a GET or DELETE, for which a person may wait in front of a
    page, is given 10 s at most, and is not tried again once its tries took that long together. `recorder` is told of
    every request that was tried. `redaction` learns the secrets that pass through, and takes them out of what the other
    side says of an error. `skew_s` is by how much the other side's clock was ahead of ours in its last answer
    (its Date header has whole seconds), None before there was one.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: SecretStr,
        timeouts: tuple[float, float] = (3.0, 20.0),
        sleep: Callable[[float], None] = time.sleep,
        recorder: Callable[[SentRequest], None] | None = None,
        redaction: Redaction | None = None,
        vendor: Vendor = TAVUS,
        header: str = "x-api-key",
        scheme: str = "",
    ) -> None:
        self.reach_at(base_url)
        self.vendor = vendor
        self.skew_s: float | None = None
        self._sleep = sleep
        self._recorder = recorder
        self._redaction = redaction or Redaction([api_key.get_secret_value()])
        key = KeyHeader(header, api_key, scheme)
        self._writing = Wire(key, timeouts)
        self._reading_s = min(timeouts[1], READING_S)
        self._reading = Wire(key, (timeouts[0], self._reading_s))

    @property
    def base_url(self) -> str:
        """Where requests go, without a slash at the end; "" as long as the address is not known yet."""
        return self._base_url

    def reach_at(self, url: str) -> None:
        """Raises SettingsWrong for an address that the key must not be sent to."""
        parts = urlsplit(url)
        local = is_loopback(parts.hostname)
        plain = parts.hostname and "@" not in parts.netloc and "\\" not in url and not (parts.query or parts.fragment)
        if url and not (plain and (parts.scheme == "https" or (parts.scheme == "http" and local))):
            raise SettingsWrong("The key is only sent over https://, or to this machine itself: mend TAVUS_BASE_URL.")
        self._base_url = url.rstrip("/")
        self._loopback = local

    def close(self) -> None:
        self._writing.close()
        self._reading.close()

    def request(
        self,
        method: str,
        route: str,
        parse: Callable[[Success], T],
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        **ids: str,
    ) -> T:
        """Send a request and give back what `parse` makes of its success: any 2xx, and 304 for a PATCH.

        `ids` fill the names in `route`. `parse` raises ValueError for an answer that is not what the route promises.
        Raises NotFound, BadInput (`body` can't be written as JSON), UpstreamError.
        """
        path = self._path(route, ids)
        payload = None if body is None else _as_json(body)
        self._redaction.learn([query, body])
        asked = _Asked(method, route, path, query or {}, payload, about=next(reversed(ids.values()), ""))
        attempt, until = 1, time.monotonic() + self._reading_s
        while True:
            outcome = self._once(asked, parse)
            if not isinstance(outcome, GreenroomError):
                return outcome
            again = method in REPEATABLE and time.monotonic() < until
            pause_s = _pause_s(outcome, attempt) if again else None
            if pause_s is None:
                raise outcome
            self._sleep(pause_s)
            attempt += 1

    def _path(self, route: str, ids: Mapping[str, str]) -> str:
        for name, value in ids.items():
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", value):
                raise NotFound(f"There is no {name.removesuffix('_id')} with such an id.")
        return route.format(**ids)

    def _once(self, asked: _Asked, parse: Callable[[Success], T]) -> T | GreenroomError:
        at, started = datetime.now(UTC), time.perf_counter()
        answer = self._answer(asked)
        status = answer.status if isinstance(answer, WireAnswer) else None
        if isinstance(answer, WireAnswer):
            self.skew_s = _skew_s(answer.headers.get("date", ""), at)
        outcome = self._outcome(asked.method, asked.route, parse, answer) if isinstance(answer, WireAnswer) else answer
        if self._recorder is not None:
            # An error in here would hide the answer to a request that may just have started a paid call.
            with contextlib.suppress(Exception):
                self._recorder(_call(asked, at, (time.perf_counter() - started) * 1000, status, outcome))
        return outcome

    def _answer(self, asked: _Asked) -> WireAnswer | GreenroomError:
        base_url, loopback = self._base_url, self._loopback
        if not base_url:
            return NotSent(f"The address of {self.vendor.name} is not known yet.", hint="Try again in a moment.")
        method, payload, url = asked.method, asked.payload, base_url + asked.path
        headers = {"Content-Type": "application/json"} if payload is not None else {}
        request = requests.Request(method, url, params=dict(asked.query), data=payload, headers=headers)
        try:
            if method in REPEATABLE:
                return self._reading.send(request, loopback=loopback, own_connection=False)
            return self._writing.send(request, loopback=loopback, own_connection=True)
        except ValueError:
            return SettingsWrong(f"{self.vendor.name}'s key or address can't be used in a request.")
        except NotConnected as error:
            hint = error.reason.hint(self.vendor.address or "the address")
            told = f"{self.vendor.name} can't be reached at {urlsplit(base_url).netloc}: {error}."
            return NotSent(told, code=error.reason.code, hint=hint, besides=NOTHING_SENT)
        except NoAnswer as error:
            code = "connection_lost" if error.lost else "no_answer"
            then = faults.AGAIN if method == "GET" else {}
            return self.vendor.error(Ambiguous, error.told(self.vendor.name), code=code, **then)

    def _outcome(
        self, method: str, route: str, parse: Callable[[Success], T], answer: WireAnswer
    ) -> T | GreenroomError:
        reads = method == "GET"
        if 200 <= answer.status < 300 or (answer.status == 304 and method == "PATCH"):
            try:
                body = faults.parsed(answer)
            except ValueError:
                body = None
            self._redaction.learn(body)
            try:
                return parse(Success(answer.status, body))
            except ValueError:
                return faults.unusable(answer, vendor=self.vendor, reads=reads)
        hide = self._redaction.text
        return faults.error_for(answer, vendor=self.vendor, reads=reads, names_one="{" in route, hide=hide)


def _call(asked: _Asked, at: datetime, ms: float, status: int | None, outcome: object) -> SentRequest:
    error = outcome if isinstance(outcome, GreenroomError) else None
    made = outcome if isinstance(outcome, str) else getattr(outcome, "id", "")
    return SentRequest(
        at=at,
        method=asked.method,
        route=asked.route,
        status=status,
        ms=ms,
        error_code=error.code if error else "",
        error=error.message if error else "",
        number=asked.number,
        about=asked.about or ("" if error else str(made)),
        target=asked.path + (f"?{urlencode(asked.query)}" if asked.query else ""),
        body=asked.payload,
    )


def _skew_s(date: str, sent_at: datetime) -> float | None:
    try:
        return (parsedate_to_datetime(date) - sent_at).total_seconds()
    except (TypeError, ValueError):
        return None


def _pause_s(error: GreenroomError, attempt: int) -> float | None:
    """Seconds to wait before another try; None if there should be none."""
    again = error.status in (429, 502, 503, 504) or error.code == "connection_lost"
    asked_s = error.retry_after_s or 0.0
    if not again or attempt >= ATTEMPTS or asked_s > LONGEST_PAUSE_S:
        return None
    own_s = FIRST_PAUSE_S * (1 << (attempt - 1)) * random.uniform(0.5, 1.5)  # noqa: S311 (spreads load, guards nothing)
    return max(own_s, asked_s)


def _as_json(body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError):
        raise BadInput("This can't be written as JSON.") from None
