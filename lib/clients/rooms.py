"""Which room addresses may be drawn in a frame. What Tavus answers is data; a frame runs what it is given."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from lib.errors import BadInput

DAILY_HOSTS = ("*.daily.co",)
"""Where Tavus's rooms are (https://docs.tavus.io/sections/integrations/embedding-cvi)."""

_ROOM = re.compile(
    r"(?P<origin>(?P<scheme>https?)://(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[::1\])(?P<port>:[0-9]{1,5})?)"
    r"(?:/[A-Za-z0-9_-]{1,128}){1,6}(?:\?t=[A-Za-z0-9._~-]{1,4096})?",
    re.ASCII,
)


def safe_room_url(url: str, allowed_hosts: Iterable[str]) -> str:
    """`url` unchanged, if a frame may show it.

    `allowed_hosts` holds names ("tavus.daily.co"), names with any one label before them ("*.daily.co"), both over
    https at the usual port, and whole origins ("http://127.0.0.1:8501"), which must match to the letter. An address
    is a plain path with at most a meeting token (`?t=`). Raises BadInput for every other.
    """
    match = _ROOM.fullmatch(url)
    if not match or not any(_allows(entry, match) for entry in allowed_hosts):
        raise BadInput(
            "The room's address is not one that Greenroom may show.",
            code="unsafe_room_url",
            hint="End the session. If this happens again, check TAVUS_BASE_URL.",
        )
    return url


def _allows(entry: str, room: re.Match[str]) -> bool:
    if "://" in entry:
        return room["origin"] == entry
    if room["scheme"] != "https" or room["port"]:
        return False
    if entry.startswith("*."):
        label, _, rest = room["host"].partition(".")
        return bool(label) and rest == entry.removeprefix("*.")
    return room["host"] == entry


def loopback_origins(base_url: str) -> tuple[str, ...]:
    """The origin of a server on this machine in its spellings, since a browser may be opened at any of them."""
    parts = urlsplit(base_url)
    port = f":{parts.port}" if parts.port else ""
    return tuple(f"{parts.scheme}://{host}{port}" for host in ("127.0.0.1", "localhost", "[::1]"))
