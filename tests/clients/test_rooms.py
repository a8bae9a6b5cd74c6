"""Which room addresses a frame may be given."""

from __future__ import annotations

import pytest

from lib.clients.rooms import DAILY_HOSTS, loopback_origins, safe_room_url
from lib.errors import BadInput

HERE = (*DAILY_HOSTS, *loopback_origins("http://127.0.0.1:8501/sandbox/v2"))
ROOM = "https://tavus.daily.co/c7f3a9c21e5"

HOSTILE = [
    "",
    "about:blank",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//tavus.daily.co/c1",
    "data:text/html,<script>alert(1)</script>",
    "blob:https://tavus.daily.co/c1",
    "vbscript:x",
    "file:///etc/passwd",
    "//evil.example/c1",
    "/c1",
    "c1",
    "http://tavus.daily.co/c1",
    "HTTPS://tavus.daily.co/c1",
    "https:tavus.daily.co/c1",
    "https:/tavus.daily.co/c1",
    "https:///tavus.daily.co/c1",
    "https://tavus.daily.co",
    "https://tavus.daily.co/",
    "https://tavus.daily.co//evil.example",
    "https://tavus.daily.co/../c1",
    "https://tavus.daily.co/%2e%2e/c1",
    "https://tavus.daily.co@evil.example/c1",
    "https://tavus.daily.co:pw@evil.example/c1",
    "https://evil.example@tavus.daily.co/c1",
    "https://tavus.daily.co.evil.example/c1",
    "https://tavus.daily.co%2eevil.example/c1",
    "https://evil.example/tavus.daily.co/c1",
    "https://evil.example/?https://tavus.daily.co/c1",
    "https://evil.example#tavus.daily.co/c1",
    "https://eviltavus-daily.co/c1",
    "https://evildaily.co/c1",
    "https://daily.co/c1",
    "https://a.b.daily.co/c1",
    "https://.daily.co/c1",
    "https://tavus.daily.co./c1",
    "https://tavus.daily.co:443/c1",
    "https://tavus.daily.co:8443/c1",
    "https://tavus.d\u0430ily.co/c1",
    "https://tavus\u3002daily.co/c1",
    "https://xn--tavus.daily.evil/c1",
    "https://tavus.daily.co\\@evil.example/c1",
    "https:\\\\tavus.daily.co\\c1",
    "https://tavus.daily.co/c1\\..\\x",
    " https://tavus.daily.co/c1",
    "https://tavus.daily.co/c1 ",
    "https://tavus.daily.co/c1\n",
    "https://tavus.daily.co/c1\nhttps://evil.example",
    "ht\ttps://tavus.daily.co/c1",
    "https://tavus.daily.co/\u0000c1",
    'https://tavus.daily.co/c1"onload="alert(1)',
    "https://tavus.daily.co/c1'><script>",
    "https://tavus.daily.co/c1?t=a&redirect=https://evil.example",
    "https://tavus.daily.co/c1?redirect=https://evil.example",
    "https://tavus.daily.co/c1?t=",
    "https://tavus.daily.co/c1?t=a#b",
    "https://tavus.daily.co/c1#x",
    "https://tavus.daily.co/c1;x",
    "https://169.254.169.254/latest/meta-data",
    "http://169.254.169.254/latest/meta-data",
    "https://127.0.0.1/c1",
    "http://127.0.0.1/sandbox/room/c1",
    "http://127.0.0.1:8502/sandbox/room/c1",
    "https://127.0.0.1:8501/sandbox/room/c1",
    "http://127.0.0.2:8501/sandbox/room/c1",
    "http://0x7f000001:8501/sandbox/room/c1",
    "http://2130706433:8501/sandbox/room/c1",
    "http://0.0.0.0:8501/sandbox/room/c1",
    "http://127.0.0.1:8501@evil.example/c1",
    "http://localhost:8501.evil.example/c1",
    "http://[::ffff:127.0.0.1]:8501/sandbox/room/c1",
    "https://[2001:db8::1]/c1",
    "https://tavus.daily.co/" + "c" * 200,
    "https://tavus.daily.co" + "/c" * 50,
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_address_is_never_drawn(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        safe_room_url(url, HERE)
    assert caught.value.code == "unsafe_room_url" and (len(url) < 5 or url not in caught.value.message)


@pytest.mark.parametrize(
    "url",
    [
        ROOM,
        f"{ROOM}?t=eyJhbGciOi.J9-_.x~y",
        "https://go-scope.daily.co/my-room",
        "http://127.0.0.1:8501/sandbox/room/c1a2b3",
        "http://localhost:8501/sandbox/room/c1a2b3?t=abc",
        "http://[::1]:8501/sandbox/room/c1a2b3",
    ],
)
def test_a_room_of_daily_or_of_the_own_sandbox_is_drawn_unchanged(url: str) -> None:
    assert safe_room_url(url, HERE) == url


def test_only_the_hosts_that_are_allowed_count() -> None:
    assert safe_room_url(ROOM, ["tavus.daily.co"]) == ROOM
    for hosts in ([], ["go-scope.daily.co"], ["daily.co"], ["http://127.0.0.1:8501"], ["http://tavus.daily.co"]):
        with pytest.raises(BadInput):
            safe_room_url(ROOM, hosts)
