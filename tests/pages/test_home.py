"""Home: empty, working and refused; what is named, started and counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from streamlit.testing.v1 import AppTest

from lib.models import Mode, Session, Status
from lib.settings import SettingProblem
from lib.store import sessions as rows
from tests.house import demo, reaches, until
from tests.pages.opened import Console, console, html, words

WRONG = SettingProblem("MAX_CALL_S", "It is not a number.", "Write a number of seconds.")
STRANGE = '<img src=x onerror="alert(1)"> :red[x] שלום 😀'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as made:
        yield made


def call(house: Console, agent_id: str) -> Session:
    """A call whose avatar is there."""
    session = house.services.sessions.start_and_wait(agent_id, token=f"token-{agent_id}")
    return reaches(house.services, session, Status.LIVE)


def cards(app: AppTest) -> list[dict[str, Any]]:
    """The cards as they were sent to the browser."""
    drawn = [element.proto for element in app.main if element.type == "bidi_component"]
    found = [proto for proto in drawn if proto.component_name == "greenroom_cards"]
    listed: list[dict[str, Any]] = json.loads(found[0].json)["cards"] if found else []
    return listed


def test_with_no_agent_the_page_says_what_to_do_next(house: Console) -> None:
    app = house.open("home")
    assert "No agents yet" in html(app)
    assert app.button(key="home_new").label == "New agent"
    assert cards(app) == []


def test_a_card_names_face_persona_language_and_last_use_and_a_rerun_asks_nothing(house: Console) -> None:
    demo(house.services)
    app = house.open("home")
    (card,) = cards(app)
    assert card["name"] == "Product demo"
    assert card["lines"] == ["Anna · Warm product guide", "Not used yet"]
    assert card["start"] == "Start, up to 10 min"
    assert card["face"].endswith("/faces/r90bbd427f71.svg")
    assert card["lacks"] == ""
    assert sorted(house.asked()) == ["GET /v2/personas", "GET /v2/replicas"]
    app.run()
    assert len(house.asked()) == 2
    assert "up to 10 min a call, 2 at once, 60 min a day" in words(app)


def test_an_agent_that_can_not_start_names_what_is_missing_and_has_no_start(house: Console) -> None:
    demo(house.services, replica_id="rgone0000000")
    (card,) = cards(house.open("home"))
    assert card["start"] == ""
    assert card["lacks"] == "Its replica was deleted"


def test_a_strange_name_travels_as_data(house: Console) -> None:
    demo(house.services, name=STRANGE)
    app = house.open("home")
    assert cards(app)[0]["name"] == STRANGE
    assert "<img src=x" not in html(app)


def test_twelve_cells_a_page(house: Console) -> None:
    for number in range(13):
        demo(house.services, name=f"Demo {number}")
    app = house.open("home")
    assert len(cards(app)) == 11
    app.session_state["home_page"] = 2
    app.run()
    assert [card["name"] for card in cards(app)] == ["Demo 11", "Demo 12"]


def test_an_open_session_has_its_way_back_and_its_end(house: Console) -> None:
    agent = demo(house.services)
    session = house.services.sessions.start_and_wait(agent.id, token="t1")
    app = house.open("home")
    assert "1 of 2 calls in use" in html(app)
    assert app.button(key=f"home-{session.id}_back").label == "Return to room"
    app.button(key=f"danger-home-{session.id}").click().run()
    ended = reaches(house.services, session, Status.ENDED)
    assert ended.end_reason == "You ended it"


def test_the_day_counts_all_its_sessions_however_many_there_are(house: Console) -> None:
    """1,240 of today, the newest of which ended well, and 30 of yesterday."""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    endings = {"participant_absent_timeout reached": 15, "ended_here": 1_205}
    said = iter(
        [*(("failed", "") for _ in range(20)), *(("ended", code) for code, n in endings.items() for _ in range(n))]
    )
    with house.services.store.writing() as connection:
        for n, (status, code) in enumerate(said):
            write(
                connection, house.services.account, f"today{n}", midnight + n * (now - midnight) / 1_240, status, code
            )
        for n in range(30):
            write(connection, house.services.account, f"before{n}", midnight - timedelta(seconds=1 + n), "failed", "")
        write(connection, "another account", "theirs", now, "failed", "")
    page = html(house.open("home"))
    assert "<b>1240</b><i>1220 ended, 20 failed</i>" in page
    assert "<b>15</b><i>Rooms left empty</i>" in page


def write(connection: Connection, account: str, name: str, at: datetime, status: str, end_code: str) -> None:
    session = Session(
        id=name, agent_id="a", agent_name="A", persona_id="p", persona_name="P", replica_id="r", max_call_s=600,
        mode=Mode.PHOENIX_REST, status=Status(status), created_at=at, end_code=end_code, transcript_at=at,
    )  # fmt: skip
    rows.add(connection, account, rows.Intent(session, name, "", name, {}))


def test_the_figures_of_the_day_follow_what_is_open(house: Console) -> None:
    agent = demo(house.services)
    assert "<b>0</b><i>2 at once at most</i>" in html(house.open("home"))
    session = house.services.sessions.start_and_wait(agent.id, token="t1")
    app = house.open("home")
    assert "<b>1</b><i>2 at once at most</i>" in html(app)
    assert "<b>0 min</b><i>10 reserved by open calls, 50 left of 60</i>" in html(app)
    house.services.sessions.end(session.id)
    reaches(house.services, session, Status.ENDED)
    assert "1 ended" in html(app.run())


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ({"status": 401, "body": {"message": "Invalid access token"}}, "refused the key"),
        ({"status": 500, "body": {"error": "boom"}}, "failed (500)"),
        ({"html": True}, "web page instead of data"),
    ],
)
def test_refused_is_named_never_looks_empty_and_retry_asks_again(
    house: Console, how: dict[str, Any], cause: str
) -> None:
    demo(house.services)
    house.sandbox.faults({"route": "* /v2/*", "times": -1, **how})
    app = house.open("home")
    assert cause in words(app)
    assert "No agents" not in words(app)
    assert [card["name"] for card in cards(app)] == ["Product demo"]
    asked = len(house.asked())
    app.run()
    assert len(house.asked()) == asked
    house.sandbox.faults()
    app.button(key="feedback_retry_read-personas-and-replicas").click().run()
    assert cause not in words(app)
    assert "Anna · Warm product guide" in cards(app)[0]["lines"]


def test_an_agent_in_a_call_offers_the_way_back_first_and_a_full_console_says_what_a_start_becomes(
    house: Console,
) -> None:
    agent, other = demo(house.services), demo(house.services, name="Other")
    session = call(house, agent.id)
    app = house.open("home")
    assert {card["name"]: card["back"] for card in cards(app)} == {"Product demo": True, "Other": False}
    assert "the avatar is in the room" in html(app)
    assert "goes on as text chat" not in words(app)
    call(house, other.id)
    app = house.open("home")
    assert "2 of 2 calls in use: a start now goes on as text chat." in words(app)
    assert f"home-{session.id}_back" in {button.key for button in app.button}


def test_with_a_key_home_and_the_menu_say_that_a_start_is_billed(house: Console) -> None:
    demo(house.services)
    app = house.open("home")
    assert "Tavus bills a call from Start, up to its limit" in words(app)
    assert "Live account: calls are billed" in html(app)
    assert any("Live account: calls are billed" in item.proto.body for item in app.sidebar.get("html"))


def test_tavus_out_of_reach_is_said_on_the_strip_until_it_answers_again(house: Console) -> None:
    session = call(house, demo(house.services).id)
    house.sandbox.faults({"route": "* /v2/conversations*", "times": -1, "status": 500, "body": {"error": "boom"}})
    app = house.open("home")
    app.button(key=f"danger-home-{session.id}").click().run()
    until(lambda: house.services.sessions.trouble(session.id))
    app.run()
    assert "Tavus failed (500): boom. Since " in words(app)
    assert "may still be billed, until its limit of 10 min" in words(app)
    house.sandbox.faults()
    app.button(key=f"again-home-{session.id}").click().run()
    reaches(house.services, session, Status.ENDED)
    assert "boom" not in words(app.run())


@pytest.mark.parametrize(("page", "shown"), [("home", "Diagnostics"), ("history", "History")])
def test_a_wrong_setting_takes_a_tab_to_diagnostics_from_home_alone(tmp_path: Path, page: str, shown: str) -> None:
    with console(tmp_path, problems=(WRONG,)) as house:
        app = house.open(page)
        assert app.title[0].value == shown
        if page != "home":
            assert "No avatar starts until it is mended." in words(app)


def test_a_text_session_in_the_strip_is_not_billed(house: Console) -> None:
    agent = demo(house.services)
    session = house.services.sessions.start(agent.id, token="t1", enable_avatar=False)
    assert session.mode is Mode.TEXT
    app = house.open("home")
    assert "nothing is billed" in html(app)
    assert app.button(key=f"home-{session.id}_back").label == "Return to chat"
