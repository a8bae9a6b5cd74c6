"""Why no connection came about, each reason made for real: what is told, what to do, and that nothing was sent."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from lib.clients import unreached
from lib.clients.chat import ChatClient
from lib.clients.daily import Daily
from lib.clients.transport import Transport
from lib.clients.wire import KeyHeader, NotConnected, Wire
from lib.errors import NotSent
from tests.scripted_server import raw, scripted, then_close
from tests.tls_server import secured

KEY = SecretStr("tvsk_CANARY_unreached")


def refusal(url: str) -> NotSent:
    """What a paid POST to this address ends with."""
    made = Transport(base_url=url, api_key=KEY, timeouts=(0.5, 2.0))
    with closing(made), pytest.raises(NotSent) as caught:
        made.request("POST", "/conversations", lambda success: success, body={})
    return caught.value


@contextmanager
def full() -> Iterator[str]:
    """A port that does not pick up: its queue of one is taken."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for one in waiting:
                one.close()


def test_a_name_that_nobody_knows() -> None:
    error = refusal("https://tavus.invalid/v2")
    assert error.code == "dns" and "its name can't be found" in error.message
    assert "online" in error.hint and "nothing is billed" in error.hint


def test_a_port_where_nobody_listens() -> None:
    error = refusal("http://127.0.0.1:9/v2")
    assert error.code == "refused" and "the connection is refused" in error.message and "TAVUS_BASE_URL" in error.hint


def test_a_port_that_does_not_pick_up() -> None:
    with full() as url:
        error = refusal(url)
    assert error.code == "silent" and "does not pick up" in error.message and "firewall" in error.hint


def test_a_certificate_of_a_companys_own_authority(tmp_path: Path) -> None:
    with secured(tmp_path) as server:
        error = refusal(server.url)
        assert server.asked == []
    assert error.code == "tls_untrusted" and "its certificate is not trusted here" in error.message
    assert "REQUESTS_CA_BUNDLE" in error.hint and "SSL_CERT_FILE" in error.hint and "nothing is billed" in error.hint


def test_a_certificate_that_has_lapsed_or_a_wrong_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with secured(tmp_path, valid_days=-1) as server:
        assert through(server.url, monkeypatch, server.authority).reason is unreached.WRONG_TIME
    assert "clock" in unreached.WRONG_TIME.told


def test_a_certificate_of_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with secured(tmp_path, name="elsewhere.test") as server:
        assert through(server.url, monkeypatch, server.authority).reason is unreached.WRONG_NAME


def test_what_is_no_https_server_at_all() -> None:
    with scripted(then_close(raw(b"SSH-2.0-x\r\n"))) as server:
        error = refusal(server.url.replace("http:", "https:"))
    assert error.code == "tls" and "no secure connection" in error.message


def test_the_authority_named_in_the_environment_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with secured(tmp_path) as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.authority))
        assert sent(server.url) == 200
        assert server.asked == ["POST /"]


def test_a_file_of_certificates_that_is_not_there_is_no_lost_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secured(tmp_path) as server:
        error = through(server.url, monkeypatch, tmp_path / "typo.pem")
        assert server.asked == []
    assert error.reason is unreached.NO_CA_FILE


def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(raw(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        error = refusal("https://tavus.invalid/v2")
    assert error.code == "proxy" and "HTTPS_PROXY" in error.hint


def test_daily_and_the_chat_endpoint_say_the_same_of_themselves(tmp_path: Path) -> None:
    with secured(tmp_path) as server:
        with closing(Daily(api_key=KEY, base_url=server.url)) as daily, pytest.raises(NotSent) as told:
            daily.domain()
        assert told.value.code == "tls_untrusted" and told.value.message.startswith("Daily can't be reached")
        chat = ChatClient(base_url=server.url, api_key=None, model="m")
        for ask in (lambda: chat.complete([]), lambda: list(chat.stream([])), chat.models):
            with closing(chat), pytest.raises(NotSent) as told:
                ask()
            assert told.value.code == "tls_untrusted" and "REQUESTS_CA_BUNDLE" in told.value.hint
            assert "billed" not in told.value.hint


def sent(url: str) -> int:
    """A POST as it goes to an address that is not this machine's own: the environment's certificates count."""
    wire = Wire(KeyHeader("x-api-key", KEY), (0.5, 2.0))
    with closing(wire):
        return wire.send(requests.Request("POST", url), loopback=False, own_connection=True).status


def through(url: str, monkeypatch: pytest.MonkeyPatch, authority: Path) -> NotConnected:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    with pytest.raises(NotConnected) as caught:
        sent(url)
    return caught.value
