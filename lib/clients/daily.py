"""Daily's REST API for one domain: rooms and meeting tokens (https://docs.daily.co/reference/rest-api).

Nothing here starts a paid call: a room costs nothing until somebody is in it. Every method may raise UpstreamError.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from lib.clients.transport import Success, Transport
from lib.clients.vendor import Vendor
from lib.errors import Ambiguous, KeyRefused, NotFound, OutOfCredit

T = TypeVar("T")

BASE_URL = "https://api.daily.co/v1"
DAILY = Vendor(
    "Daily",
    hints={
        KeyRefused: "Put a valid DAILY_API_KEY in .env and restart. phoenix_rest and text chat work without it.",
        OutOfCredit: "Top up the Daily account. phoenix_rest and text chat work meanwhile.",
        Ambiguous: "Try again in a moment. An empty room at Daily costs nothing and closes by itself.",
    },
)


@dataclass(frozen=True)
class Room:
    """`url` is what a browser opens, such as https://go-scope.daily.co/room; `name` is its last part.

    `privacy` is `public` or `private` as Daily has it, "" where it does not say.
    """

    name: str
    url: str
    privacy: str = ""

    @property
    def subdomain(self) -> str:
        """The domain's bare name, "" where the address is not one of daily.co's."""
        host = urlsplit(self.url).hostname or ""
        return host.removesuffix(".daily.co") if host.endswith(".daily.co") else ""


@dataclass(frozen=True)
class Token:
    """A meeting token: it opens one room until it lapses, and is never logged or stored."""

    value: str = field(repr=False)


class Daily:
    """One domain. Safe to use from several threads. `base_url` may be set later, as the embedded sandbox's is."""

    def __init__(
        self,
        *,
        api_key: SecretStr,
        base_url: str = BASE_URL,
        timeouts: tuple[float, float] = (3.0, 10.0),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = Transport(
            base_url=base_url,
            api_key=api_key,
            timeouts=timeouts,
            sleep=sleep,
            vendor=DAILY,
            header="Authorization",
            scheme="Bearer",
        )

    @property
    def base_url(self) -> str:
        return self._transport.base_url

    def reach_at(self, url: str) -> None:
        """From now on it is there. Raises SettingsWrong for what is no address that a key may be sent to."""
        self._transport.reach_at(url)

    def close(self) -> None:
        self._transport.close()

    def domain(self) -> str:
        """The bare name of the key's domain: the cheapest way to see whether the key is good."""
        return self._asked("GET", "/", lambda answer: _text(answer, "domain_name"))

    def create_room(self, *, name: str, private: bool, expires_at: datetime) -> Room:
        """Make a room that closes at `expires_at` and puts everybody out then. Raises UpstreamRejected if it exists."""
        properties = {"exp": int(expires_at.timestamp()), "eject_at_room_exp": True, "enable_prejoin_ui": True}
        body = {"name": name, "privacy": "private" if private else "public", "properties": properties}
        return self._asked("POST", "/rooms", _room, body)

    def token(self, *, room_name: str, owner: bool, expires_at: datetime, user_name: str) -> Token:
        """A token for one room. An owner may put others out, so the viewer's never is one."""
        expires = int(expires_at.timestamp())
        properties = {"room_name": room_name, "is_owner": owner, "user_name": user_name, "exp": expires}
        body = {"properties": {**properties, "eject_at_token_exp": True}}
        return self._asked("POST", "/meeting-tokens", lambda answer: Token(_text(answer, "token")), body)

    def delete_room(self, name: str) -> None:
        """Close the room and put everybody out. A room that is gone is no failure."""
        try:
            self._asked("DELETE", "/rooms/{room_name}", lambda _: None, room_name=name)
        except NotFound:
            return

    def _asked(
        self, method: str, route: str, parse: Callable[[Success], T], body: Any = None, *, room_name: str = ""
    ) -> T:
        ids = {"room_name": room_name} if room_name else {}
        return self._transport.request(method, route, parse, body=body, query=None, **ids)


def _room(answer: Success) -> Room:
    privacy = answer.body.get("privacy") if isinstance(answer.body, Mapping) else None
    return Room(_text(answer, "name"), _text(answer, "url"), privacy if isinstance(privacy, str) else "")


def _text(answer: Success, name: str) -> str:
    value = answer.body.get(name) if isinstance(answer.body, Mapping) else None
    if not isinstance(value, str) or not value:
        raise ValueError(f"no {name}")
    return value
