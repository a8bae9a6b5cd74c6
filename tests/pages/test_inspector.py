"""Inspector: empty, working and refused; filters, pages, what is opened, and what is never shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from streamlit.testing.v1 import AppTest

from lib.errors import GreenroomError
from lib.models import Exchange, Status, Traffic
from lib.store import exchanges, schema
from tests.house import KEY, demo, reaches, until
from tests.pages.opened import Console, console, everything, html, words

STRANGE = '<img src=x onerror="alert(1)"> :red[x] שלום 😀'
CANARY = "CANARY-4f1c-77"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path, sweep_interval_s=60.0) as made:
        forget(made)
        yield made


def forget(house: Console) -> None:
    """Without what the start of the console asked."""
    services = house.services
    services.inspector.page()
    with services.store.writing() as connection:
        connection.execute(schema.exchanges.delete())


def keep(house: Console, n: int, **changes: Any) -> None:
    """A request or callback as the journal writes one, `n` seconds ago."""
    values: dict[str, Any] = {
        "kind": Traffic.REQUEST, "name": "/personas/{persona_id}", "method": "GET", "target": f"/personas/p{n}",
        "about": f"p{n}", "status": 200, "ms": 12.4, "number": f"n{n}", "at": datetime.now(UTC) - timedelta(seconds=n),
    }  # fmt: skip
    with house.services.store.writing() as connection:
        one = Exchange(id=0, **{**values, **changes})
        exchanges.add(connection, [exchanges.Entry(house.services.account, one, changes.get("number"))])


def listed(app: AppTest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = app.dataframe[0].value.to_dict("records")
    return found


def whats(app: AppTest) -> list[str]:
    return [row["what"] for row in listed(app)]


def opened(app: AppTest, what: str) -> AppTest:
    """The dialog of the first entry that is called so, opened by its button."""
    row = whats(app).index(what)
    app.session_state["inspector_opened"] = {"row": row, "label": "Open"}
    return app.run()


def inside(app: AppTest) -> str:
    """What the page says, and what an open dialog says beside it."""
    marked = "\n".join(str(element.value) for element in app.markdown).replace("\\", "")
    return f"{words(app)}\n{marked}\n{everything(app)}"


def code(app: AppTest) -> list[str]:
    return [element.value for element in app.code]


def test_before_anything_was_asked_the_page_says_what_will_be_here(house: Console) -> None:
    app = house.open("inspector")
    assert "No requests yet" in html(app)
    assert app.button(key="inspector_home").label == "Go to agents"
    assert not app.dataframe


def test_what_the_console_asks_is_listed_newest_first_and_looking_asks_nothing(house: Console) -> None:
    with pytest.raises(GreenroomError):
        house.services.personas.get("pgone0000000")
    house.services.catalogue.personas()
    asked = len(house.asked())
    app = house.open("inspector")
    newest, oldest = listed(app)
    assert (newest["what"], list(newest["outcome"]), newest["status"]) == ("GET /personas", ["Done"], "200")
    assert (oldest["what"], list(oldest["outcome"]), oldest["status"]) == (
        "GET /personas/{persona_id}", ["Declined"], "400",
    )  # fmt: skip
    assert oldest["about"] == "pgone0000000"
    assert "Invalid persona_id" in oldest["told"]
    app.run()
    assert len(house.asked()) == asked


def test_each_outcome_is_a_word_and_a_filter(house: Console) -> None:
    keep(house, 1)
    keep(house, 2, status=429, code="rate_limited", error="Too many requests.")
    keep(house, 3, status=503, code="server_error", error="Tavus has trouble.")
    keep(house, 4, status=None, code="no_answer", error="Tavus did not answer.")
    keep(house, 5, kind=Traffic.CALLBACK, name="system.shutdown", status=204, ms=None)
    app = house.open("inspector")
    assert [next(iter(row["outcome"])) for row in listed(app)] == [
        "Done", "Declined", "Failed there", "No answer", "Callback",
    ]  # fmt: skip
    assert [row["took"] for row in listed(app)] == ["12", "12", "12", "12", "–"]
    for address, numbers in (
        ({"outcome": "Declined, 4xx"}, ["p2"]),
        ({"outcome": "Failed, 5xx"}, ["p3"]),
        ({"outcome": "No answer"}, ["p4"]),
        ({"outcome": "Done"}, ["p1", "p5"]),
        ({"kind": "Callbacks"}, ["p5"]),
        ({"kind": "Requests"}, ["p1", "p2", "p3", "p4"]),
        ({"search": "RATE_limited"}, ["p2"]),
        ({"search": "p4"}, ["p4"]),
    ):
        found = house.open("inspector", **address)
        assert [row["about"] for row in listed(found)] == numbers, address
    for nothing in ({"search": "nobody asked this"}, {"kind": "Callbacks", "outcome": "No answer"}):
        found = house.open("inspector", **nothing)
        assert "Nothing fits" in html(found)
        assert found.button(key="inspector_everything").label == "Show all"


@pytest.mark.parametrize(
    ("settings", "told"),
    [({}, "PUBLIC_URL is not set"), ({"public_url": "https://a.example"}, "Tavus is told to call https://a.example")],
)
def test_without_callbacks_it_says_whether_any_can_come(tmp_path: Path, settings: dict[str, Any], told: str) -> None:
    with console(tmp_path, **settings) as house:
        assert told in html(house.open("inspector", kind="Callbacks"))


def test_a_sessions_page_leads_to_its_requests_and_callbacks_and_back(house: Console) -> None:
    services = house.services
    session = services.sessions.start_and_wait(demo(services).id, token="t")
    services.sessions.hint(session.id)
    reaches(services, session, Status.LIVE)
    body = {"event_type": "system.replica_joined", "conversation_id": session.conversation_id}
    services.callbacks.receive(session.id, json.dumps(body).encode()).result(10)
    keep(house, 1)
    link = next(
        one for one in house.open("session", session=session.id).get("page_link") if "Requests and" in one.proto.label
    )
    assert link.proto.query_string == f"of={session.id}"
    app = house.open("inspector", of=session.id)
    assert "Only of one session" in words(app)
    assert "Product demo" in words(app)
    assert {"POST /conversations", "system.replica_joined"} <= set(whats(app))
    assert "GET /personas/{persona_id}" not in whats(app)
    shown = opened(app, "system.replica_joined")
    assert session.id in everything(shown)
    gone = house.open("inspector", of="s-none")
    assert "which is not kept any more" in words(gone)
    assert "Nothing fits" in html(gone)


def test_pages_are_walked_by_the_address(house: Console) -> None:
    for n in range(60):
        keep(house, n)
    app = house.open("inspector")
    assert [row["about"] for row in listed(app)] == [f"p{n}" for n in range(50)]
    app.button(key="inspector_older").click().run()
    assert [row["about"] for row in listed(app)] == [f"p{n}" for n in range(50, 60)]
    app.button(key="inspector_newer").click().run()
    assert len(listed(app)) == 50
    assert [row["about"] for row in listed(house.open("inspector", older="nonsense"))][:2] == ["p0", "p1"]


def test_a_click_opens_what_was_clicked_though_newer_ones_have_come(house: Console) -> None:
    keep(house, 10)
    keep(house, 11, method="DELETE")
    app = house.open("inspector")
    keep(house, 1)
    keep(house, 2)
    app.session_state["inspector_opened"] = {"row": 1, "label": "Open"}
    app.run()
    assert "**DELETE /personas/{persona_id}**" in inside(app)
    assert 'title="p11"' in inside(app)


def test_a_request_is_opened_by_name_once_and_shows_what_went_and_what_came(house: Console) -> None:
    body = {"persona_name": STRANGE, "layers": {"llm": {"api_key": "***"}}}
    text = json.dumps(body, ensure_ascii=False)
    keep(house, 1, method="POST", name="/personas", target="/personas", body=text, size=120, status=None,
         code="connection_lost", error="The connection was lost")  # fmt: skip
    app = house.open("inspector")
    (number,) = app.session_state["inspector_opened_shown"]
    app.selectbox(key="inspector_pick").select(number).run()
    assert app.selectbox(key="inspector_pick").value is None, "so that it can be chosen again"
    said = inside(app)
    assert "The connection was lost." in said
    assert "None came" in said
    assert f"{house.services.tavus.base_url}/personas" in said
    shown, command = code(app)
    assert json.loads(shown) == body
    assert command.startswith(f"curl -X POST '{house.services.tavus.base_url}/personas' \\\n")
    assert '-H "x-api-key: $TAVUS_API_KEY"' in command
    assert "*** stands where a secret was" in said
    app.run()
    assert code(app) == [], "it opened again by itself"


def test_a_callback_is_replayed_as_a_hint_and_tavus_is_asked(house: Console) -> None:
    services = house.services
    session = services.sessions.start_and_wait(demo(services).id, token="t")
    services.sessions.hint(session.id)
    reaches(services, session, Status.LIVE)
    lie = {"event_type": "system.shutdown", "conversation_id": session.conversation_id}
    services.callbacks.receive(session.id, json.dumps(lie).encode()).result(10)
    app = opened(house.open("inspector", kind="Callbacks"), "system.shutdown")
    assert "nothing in it is believed" in inside(app)
    look = f"GET /v2/conversations/{session.conversation_id}"
    before = house.asked().count(look)
    app.button(key="exchange_hint").click().run()
    until(lambda: house.asked().count(look) == before + 1)
    assert services.sessions.get(session.id).status is Status.LIVE


def test_one_that_is_forgotten_meanwhile_is_named(house: Console) -> None:
    keep(house, 2, method="DELETE")
    keep(house, 1)
    app = house.open("inspector")
    with house.services.store.writing() as connection:
        assert exchanges.forget(connection, datetime.min.replace(tzinfo=UTC), most=1) >= 1
    opened(app, "DELETE /personas/{persona_id}")
    assert "not kept any more" in words(app)


def test_a_broken_database_is_named_and_never_looks_empty(house: Console) -> None:
    keep(house, 1)
    app = house.open("inspector")
    house.services.store.close()
    app.run()
    assert "No requests yet" not in words(app)
    assert "The database" in words(app)
    assert any(button.label == "Retry" for button in app.button)


def test_no_key_token_or_secret_reaches_the_page_or_a_row(tmp_path: Path) -> None:
    with console(tmp_path, api_token=SecretStr("api-token-canary-1"), chat_api_key=SecretStr("chat-canary-2")) as house:
        services = house.services
        row = {
            "persona_name": f"The key is {KEY}, api-token-canary-1, chat-canary-2",
            "system_prompt": "You are.",
            "layers": {"llm": {"api_key": CANARY, "headers": {"X": CANARY}}, "tts": {"api_key": CANARY}},
        }
        made = services.personas.create(row)
        now = services.personas.get(made.id)
        services.personas.save(now, json.loads(json.dumps(now.raw).replace(CANARY, f"{CANARY}-new")))
        private = services.agents.add(name="Private", persona_id=made.id, replica_id="r90bbd427f71")
        session = services.sessions.start_and_wait(private.id, token="t")
        secret = services.callbacks.secret_of(session.id)
        told = {
            "event_type": "x", "conversation_id": session.conversation_id,
            "webhook_url": f"https://a.example/callbacks/tavus/{secret}", "meeting_token": CANARY,
        }  # fmt: skip
        services.callbacks.receive(session.id, json.dumps(told).encode()).result(10)
        app = house.open("inspector")
        said = words(app) + repr(listed(app))
        for number in list(app.session_state["inspector_opened_shown"]):
            app.selectbox(key="inspector_pick").select(number).run()
            said += inside(app) + "".join(code(app))
        with services.store.reading() as connection:
            said += repr(connection.execute(schema.exchanges.select()).all())
        assert "***" in said
        assert {"POST /personas", "PATCH /personas/{persona_id}"} <= set(whats(app))
        for canary in (CANARY, KEY, "api-token-canary-1", "chat-canary-2", secret.partition(".")[2]):
            assert canary not in said
