"""Under which names this server answers, and to whose pages: bytes on a socket, since no library sends some of them."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
import requests
from starlette.types import Message

from lib.server.hosts import HostCheck
from tests.running import Dashboard
from tests.sandbox_server import RunningSandbox

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: Z3JlZW5yb29tIHRlc3QgIQ==\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: streamlit\r\n"
)
PLACES = (
    "/", "/history", "/_stcore/host-config", "/_stcore/stream", "/fonts/Manrope.ttf", "/api/openapi.json",
    "/api/sessions", "/callbacks/tavus/x", "/sandbox/v2/personas", "/sandbox/_sandbox/clock", "/sandbox/rtc/x",
    "/sandbox/rtc/files/room.js", "/sandbox/room-assets/room.js", "/static/x", "/media/x.png", "/component/x",
)  # fmt: skip


@pytest.fixture(scope="module")
def console() -> Iterator[Dashboard]:
    with Dashboard() as started:
        yield started


@pytest.fixture(scope="module")
def named() -> Iterator[Dashboard]:
    """Behind a proxy: two names, one of them with a port."""
    hosts = "Two.example; three.example:8443/ http://four.example"
    with Dashboard(env={"PUBLIC_URL": "https://Greenroom.example/some/path", "ALLOWED_HOSTS": hosts}) as started:
        yield started


def ask(console: Dashboard, head: str) -> tuple[int, str]:
    """Status and all else of the answer to this head; `PORT` in it is the server's. The connection is closed."""
    upgrading = "Upgrade:" in head
    text = head.replace("PORT", str(console.port)) + ("" if upgrading else "Connection: close\r\n") + "\r\n"
    with socket.create_connection(("127.0.0.1", console.port), timeout=10) as wire:
        wire.sendall(text.encode("latin-1"))
        got = b""
        while chunk := wire.recv(1 << 16):
            got += chunk
            if upgrading and b"\r\n\r\n" in got:
                break
    return int(got.split()[1]), got.decode("latin-1")


def get(console: Dashboard, path: str, *lines: str) -> tuple[int, str]:
    extra = UPGRADE if path == "/_stcore/stream" else ""
    return ask(console, f"GET {path} HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in lines) + extra)


@pytest.mark.parametrize("path", PLACES)
def test_no_place_answers_under_another_name_or_to_another_page(console: Dashboard, path: str) -> None:
    assert get(console, path, "Host: 127.0.0.1:PORT")[0] != 403
    assert get(console, path, "Host: evil.example:PORT")[0] == 403
    assert get(console, path, "Host: evil.example:PORT", "Origin: http://evil.example:PORT")[0] == 403
    assert get(console, path, "Host: 127.0.0.1:PORT", "Origin: http://evil.example:PORT")[0] == 403


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:PORT", "127.0.0.1", "127.0.0.1:9000", "127.0.0.2:PORT", "localhost:PORT", "LocalHost",
        "localhost.:PORT", "localhost:", "greenroom.localhost:PORT", "[::1]:PORT", "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]:PORT", "[::FFFF:7f00:1]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/api/openapi.json", "/_stcore/stream"])
def test_every_spelling_of_this_machine_is_answered(console: Dashboard, path: str, host: str) -> None:
    assert get(console, path, f"Host: {host}")[0] in (101, 200)


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil-localhost", "notlocalhost",
        "localhost..", ".localhost", "localhost:PORT:80", "localhost:99999", "localhost:x", "localhost@evil.example",
        "evil.example@localhost", "localhost#evil.example", "localhost/evil", "localhost,evil.example",
        "http://localhost", "0.0.0.0:PORT", "[::]", "[::1", "::1", "[::1%25lo]", "[::ffff:10.0.0.1]", "2130706433",
        "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.01", "128.0.0.1", "192.168.1.5:PORT",
        "localhost evil.example", "l\xf6calhost", "\xb2.localhost",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/api/openapi.json", "/_stcore/stream"])
def test_what_only_looks_like_this_machine_is_not(console: Dashboard, path: str, host: str) -> None:
    assert get(console, path, f"Host: {host}")[0] in (400, 403)


def test_of_two_hosts_none_counts_where_the_server_lets_them_through() -> None:
    """Uvicorn's other parser, httptools, does."""
    seen: list[str] = []

    async def app(*_: object) -> None:
        seen.append("passed")

    async def send(message: Message) -> None:
        seen.append(str(message.get("status", "body")))

    async def receive() -> Message:
        return {"type": "http.request"}

    for hosts in ([b"localhost", b"evil.example"], [b"localhost", b"localhost"], []):
        scope = {"type": "http", "path": "/", "headers": [(b"host", host) for host in hosts]}
        asyncio.run(HostCheck(app, own="http://127.0.0.1")(scope, receive, send))
    assert seen == ["403", "body"] * 3


def test_a_request_names_one_host(console: Dashboard) -> None:
    assert get(console, "/", "Host: 127.0.0.1:PORT", "Host: evil.example")[0] in (400, 403)
    assert get(console, "/", "Host: evil.example", "Host: 127.0.0.1:PORT")[0] in (400, 403)
    assert get(console, "/")[0] in (400, 403)
    assert ask(console, "GET / HTTP/1.0\r\n")[0] == 403
    assert ask(console, "GET / HTTP/1.0\r\nHost: localhost\r\n")[0] == 200
    forwarded = ("X-Forwarded-Host: localhost", "Forwarded: host=localhost", "X-Host: localhost")
    assert get(console, "/", "Host: evil.example", *forwarded)[0] == 403
    assert get(console, "/", "Host: 127.0.0.1", "X-Forwarded-Host: evil.example")[0] == 200


@pytest.mark.parametrize("target", ["http://evil.example/", "http://evil.example/api/openapi.json", "//evil.example/"])
def test_a_target_that_names_another_host_gets_nothing_for_it(console: Dashboard, target: str) -> None:
    assert ask(console, f"GET {target} HTTP/1.1\r\nHost: evil.example\r\n")[0] == 403
    if target.startswith("http"):
        assert ask(console, f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n")[0] == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:PORT", "http://127.0.0.1:PORT"),
        ("127.0.0.1:PORT", "http://localhost:PORT"),
        ("localhost:PORT", "http://127.0.0.1:PORT"),
        ("localhost:PORT", "http://[::1]:PORT"),
        ("[::1]:PORT", "http://[::1]:PORT"),
        ("127.0.0.2:PORT", "http://127.0.0.2:PORT"),
        ("localhost:9000", "http://localhost:9000"),
        ("localhost", "http://localhost"),
        ("localhost:80", "http://localhost"),
        ("localhost", "https://localhost"),
        ("LOCALHOST:PORT", "http://localhost:PORT"),
        ("greenroom.localhost", "http://greenroom.localhost"),
    ],
)
@pytest.mark.parametrize("path", ["/_stcore/stream", "/api/openapi.json", "/sandbox/_sandbox/clock"])
def test_a_page_of_our_own_is_answered(console: Dashboard, path: str, host: str, origin: str) -> None:
    # The control plane, when it is mounted, also sees to it that the page is its own, to the letter.
    own = path != "/sandbox/_sandbox/clock" or origin == f"http://{host}"
    assert get(console, path, f"Host: {host}", f"Origin: {origin}")[0] in ((101, 200) if own else (200, 403))


@pytest.mark.parametrize(
    "origin",
    [
        "", "null", "http://evil.example", "https://evil.example:PORT", "http://127.0.0.1:3000", "http://127.0.0.1",
        "https://127.0.0.1", "http://localhost:3000", "http://evil.localhost:PORT", "http://127.0.0.2:PORT",
        "http://localhost.evil.example:PORT", "http://127.0.0.1:PORT@evil.example", "http://127.0.0.1:PORT/",
        "http://127.0.0.1:PORT http://evil.example", "127.0.0.1:PORT", "//127.0.0.1:PORT", "file://",
        "ftp://127.0.0.1:PORT",
        "chrome-extension://127.0.0.1:PORT", "http://127.0.0.1:PORT.evil.example", "http://127.0.0.1:PORT\\.evil.example",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/_stcore/stream", "/api/openapi.json", "/sandbox/_sandbox/clock"])
def test_a_page_of_another_site_or_server_is_refused(console: Dashboard, path: str, origin: str) -> None:
    assert get(console, path, "Host: 127.0.0.1:PORT", f"Origin: {origin}")[0] == 403


def test_a_request_has_one_page_that_it_comes_from(console: Dashboard) -> None:
    two = ("Origin: http://127.0.0.1:PORT", "Origin: http://evil.example")
    assert get(console, "/", "Host: 127.0.0.1:PORT", *two)[0] == 403
    assert get(console, "/_stcore/stream", "Host: 127.0.0.1:PORT", *reversed(two))[0] in (400, 403)


@pytest.mark.parametrize("host", ["evil.example", "10.1.2.3:PORT", "", "whatever:1"])
def test_health_is_told_to_everybody(console: Dashboard, host: str) -> None:
    assert get(console, "/_stcore/health", f"Host: {host}", "Origin: http://evil.example")[0] == 200
    assert get(console, "/x/_stcore/health", f"Host: {host}")[0] == 403
    assert get(console, "/_stcore/health/../host-config", f"Host: {host}")[0] == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("greenroom.example", ""),
        ("greenroom.example:8443", ""),
        ("Greenroom.Example.", "https://greenroom.example"),
        ("127.0.0.1:PORT", "https://greenroom.example"),
        ("localhost", "https://greenroom.example:443"),
        ("two.example:PORT", "http://two.example:PORT"),
        ("two.example", "https://two.example"),
        ("two.example", "http://two.example"),
        ("127.0.0.1:PORT", "https://two.example"),
        ("three.example", "https://three.example:8443"),
        ("127.0.0.1:PORT", "https://three.example:8443"),
        ("127.0.0.1:PORT", "http://four.example"),
        ("127.0.0.1:PORT", "http://localhost:PORT"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/_stcore/stream", "/api/openapi.json"])
def test_the_names_that_were_set_are_ours(named: Dashboard, path: str, host: str, origin: str) -> None:
    """A socket too: Streamlit's own check, which would ask the network, never comes to that."""
    begun = time.perf_counter()
    status, text = get(named, path, f"Host: {host}", *([f"Origin: {origin}"] if origin else []))
    assert status in (101, 200), text
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example", ""),
        ("sub.two.example", ""),
        ("xtwo.example", ""),
        ("greenroom.example.evil.example", ""),
        ("greenroom.example", "http://greenroom.example"),
        ("greenroom.example", "https://greenroom.example:3000"),
        ("127.0.0.1:PORT", "http://greenroom.example"),
        ("two.example:PORT", "http://two.example:3000"),
        ("127.0.0.1:PORT", "https://three.example"),
        ("127.0.0.1:PORT", "https://four.example"),
        ("127.0.0.1:PORT", "http://evil.example"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/_stcore/stream", "/api/openapi.json"])
def test_names_that_were_not_set_are_not(named: Dashboard, path: str, host: str, origin: str) -> None:
    assert get(named, path, f"Host: {host}", *([f"Origin: {origin}"] if origin else []))[0] == 403


def test_callbacks_come_in_under_the_public_name_and_through_a_tunnel(named: Dashboard) -> None:
    for host in ("greenroom.example", "127.0.0.1:PORT", "localhost:PORT"):
        head = f"POST /callbacks/tavus/none.x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n"
        assert ask(named, head)[0] == 404


def test_a_refusal_says_what_to_set_and_is_one_line_in_the_log() -> None:
    with Dashboard() as console:
        status, text = get(console, "/history", "Host: Demo.example:PORT")
        assert status == 403 and "text/plain" in text and "ALLOWED_HOSTS=demo.example in" in text
        assert f"http://localhost:{console.port}" in text and "x-content-type-options: nosniff" in text.lower()
        status, text = get(console, "/", "Host: 127.0.0.1:PORT", "Origin: https://demo.example:444")
        assert status == 403 and "ALLOWED_HOSTS=https://demo.example:444 in" in text
        status, text = get(console, "/api/agents", "Host: demo.example")
        assert status == 403 and '"error"' in text and "ALLOWED_HOSTS=demo.example" in text.partition('"hint"')[2]
        status, text = get(console, "/", "Host: <script>")
        assert status in (400, 403) and "<script>" not in text + console.log
        assert console.log.count("under the name demo.example") == 1
        for number in range(100):
            get(console, "/", f"Host: n{number}.example")
        assert console.log.count("A request was refused") == 50


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_an_address_of_this_machine_that_was_bound_is_a_name_of_ours(
    family: socket.AddressFamily, sandbox: RunningSandbox
) -> None:
    found = [one.address for card in psutil.net_if_addrs().values() for one in card if one.family is family]
    address = next((one for one in found if "%" not in one and not ipaddress.ip_address(one).is_loopback), None)
    if address is None:
        pytest.skip("this machine has no address of this kind besides loopback")
    with _bound(address, TAVUS_API_KEY="tvsk_test", TAVUS_BASE_URL=sandbox.v2, API_TOKEN="t") as console:
        token = {"Authorization": "Bearer t"}
        assert requests.get(f"{console.url}/api/agents", headers=token, timeout=5).status_code == 200
        for origin, status in ((console.url, 200), (console.url.rpartition(":")[0], 403)):
            assert requests.get(console.url, headers={"Origin": origin}, timeout=5).status_code == status


def test_where_every_address_is_bound_the_names_have_to_be_set() -> None:
    with _bound("0.0.0.0") as console:
        assert get(console, "/", "Host: 127.0.0.1:PORT")[0] == 200
        status, text = get(console, "/", "Host: 192.168.1.5:PORT")
        assert status == 403 and "ALLOWED_HOSTS=192.168.1.5" in text


def test_refused_sockets_hold_up_nobody(console: Dashboard) -> None:
    answers: list[int] = []

    def refused() -> None:
        answers.append(get(console, "/_stcore/stream", "Host: 127.0.0.1:PORT", "Origin: https://evil.example")[0])

    threads = [threading.Thread(target=refused) for _ in range(20)]
    for thread in threads:
        thread.start()
    begun = time.perf_counter()
    assert get(console, "/_stcore/health", "Host: 127.0.0.1:PORT")[0] == 200
    took = time.perf_counter() - begun
    for thread in threads:
        thread.join()
    assert answers == [403] * 20
    assert took < 1


@contextmanager
def _bound(address: str, **env: str) -> Iterator[Dashboard]:
    made = Dashboard(env={"STREAMLIT_SERVER_ADDRESS": address, **env})
    made.url = f"http://{f'[{address}]' if ':' in address else address.replace('0.0.0.0', '127.0.0.1')}:{made.port}"
    with made as started:
        yield started
