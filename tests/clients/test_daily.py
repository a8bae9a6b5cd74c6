"""Daily's REST client: over the wire that the sandbox speaks, and over every way in which the real one may fail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from lib.clients.daily import Daily, Room, Token
from lib.errors import Ambiguous, GreenroomError, KeyRefused, NotSent, UpstreamRejected
from tests.sandbox_server import RunningSandbox
from tests.scripted_server import Step, answer, scripted

KEY = SecretStr("daily_CANARY_0123456789")
SOON = datetime.now(UTC) + timedelta(hours=2)
"""Later than all tests together take."""


@pytest.fixture
def daily(sandbox: RunningSandbox) -> Iterator[Daily]:
    sandbox.reset()
    client = Daily(api_key=KEY, base_url=f"{sandbox.url}/daily/v1")
    yield client
    client.close()


def test_a_room_is_made_opened_by_tokens_and_deleted(daily: Daily, sandbox: RunningSandbox) -> None:
    assert daily.domain() == "sandbox"
    room = daily.create_room(name="gr-1", private=True, expires_at=SOON)
    assert room == Room("gr-1", "https://sandbox.daily.co/gr-1", "private") and room.subdomain == "sandbox"
    tokens = [daily.token(room_name="gr-1", owner=owner, expires_at=SOON, user_name="x") for owner in (True, False)]
    assert tokens[0].value != tokens[1].value and tokens[0].value not in repr(tokens)
    sent = [entry["body"] for entry in sandbox.log() if entry["path"].endswith("/meeting-tokens")]
    assert [body["properties"]["is_owner"] for body in sent] == [True, False]
    daily.delete_room("gr-1")
    daily.delete_room("gr-1")
    assert daily.create_room(name="gr-1", private=False, expires_at=SOON)


def test_a_room_carries_its_end_and_a_second_of_its_name_is_refused(daily: Daily, sandbox: RunningSandbox) -> None:
    daily.create_room(name="gr-2", private=True, expires_at=SOON)
    body = next(entry["body"] for entry in sandbox.log() if entry["path"].endswith("/rooms"))
    assert body["privacy"] == "private" and body["properties"]["exp"] == int(SOON.timestamp())
    assert body["properties"]["eject_at_room_exp"] is True
    with pytest.raises(UpstreamRejected, match="already exists"):
        daily.create_room(name="gr-2", private=True, expires_at=SOON)


def refusal(*steps: Step) -> GreenroomError:
    with scripted(*steps) as server:
        client = Daily(api_key=KEY, base_url=server.url, timeouts=(1, 1), sleep=lambda _: None)
        with pytest.raises(GreenroomError) as told:
            client.create_room(name="gr", private=True, expires_at=SOON)
        client.close()
        assert server.seen[0].headers["authorization"] == f"Bearer {KEY.get_secret_value()}"
        assert len(server.seen) == 1, "a POST is sent once"
    return told.value


@pytest.mark.parametrize(
    ("step", "kind", "told"),
    [
        (answer(401, {"error": "authentication-error", "info": "no such key"}), KeyRefused, "no such key"),
        (answer(400, {"error": "invalid-request-error", "info": "bad exp"}), UpstreamRejected, "bad exp"),
        (answer(500, {"error": "x"}), Ambiguous, "500"),
        (answer(200, "<html>login</html>"), Ambiguous, "web page"),
        (answer(200, {"name": "gr"}), Ambiguous, "Daily"),
    ],
)
def test_each_failure_is_told_apart_and_names_daily(step: Step, kind: type[GreenroomError], told: str) -> None:
    error = refusal(step)
    assert isinstance(error, kind) and told in error.message and "Daily" in error.message
    assert "TAVUS" not in error.hint.upper() and KEY.get_secret_value() not in f"{error.message} {error.hint}"


def test_nobody_at_the_address_means_that_nothing_was_sent() -> None:
    client = Daily(api_key=KEY, base_url="http://127.0.0.1:9/v1")
    with pytest.raises(NotSent, match="Daily can't be reached"):
        client.domain()
    client.close()


def test_a_token_is_never_shown() -> None:
    assert "abc" not in repr(Token("abc"))
