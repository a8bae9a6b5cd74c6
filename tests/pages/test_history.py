"""History and the record of a session: empty, working and refused; filters, pages, exports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lib.models import Mode, Session, Status, Turn
from lib.services import export
from lib.store import sessions as rows
from tests.house import demo
from tests.pages.opened import Console, console, html, words

STRANGE = '<img src=x onerror="alert(1)"> :red[x] שלום 😀'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as made:
        yield made


def ended(house: Console, number: int, *, days: int = 0, turns: tuple[Turn, ...] = (), **changes: Any) -> Session:
    """A session that is over, written as the services write one."""
    begun = datetime.now(UTC) - timedelta(days=days, minutes=number)
    values: dict[str, Any] = {
        "id": f"s-test-{number}",
        "agent_id": "a1",
        "agent_name": "Product demo",
        "persona_id": "p1",
        "persona_name": "Guide",
        "replica_id": "r1",
        "mode": Mode.PHOENIX_REST,
        "status": Status.ENDED,
        "created_at": begun,
        "max_call_s": 600,
        "reason": changes.pop("reason", ""),
    }
    late: dict[str, Any] = {
        "waiting_at": begun,
        "ended_at": begun + timedelta(seconds=222),
        "end_reason": "You ended it",
    }
    late |= {"end_code": "ended_here", "conversation_id": f"c{number}", "transcript_at": begun}
    late["perception"] = "Read, so that nobody asks Tavus for it."
    session = Session(**(values | {key: value for key, value in changes.items() if key in values}))
    with house.services.store.writing() as connection:
        rows.add(connection, house.services.account, rows.Intent(session, session.id, "", session.id, {}))
        rows.advance(connection, session.id, **(late | {k: v for k, v in changes.items() if k not in values}))
        rows.replace_turns(connection, session.id, "tavus", turns)
        rows.note(connection, session.id, begun, "start")
        rows.note(connection, session.id, begun + timedelta(seconds=222), "ended", "You ended it")
    return house.services.sessions.get(session.id)


def listed(app: AppTest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = app.dataframe[0].value.to_dict("records")
    return found


def test_with_no_session_the_page_says_how_one_gets_there(house: Console) -> None:
    app = house.open("history")
    assert "No sessions yet" in html(app)
    assert app.button(key="history_home").label == "Go to agents"
    assert not app.dataframe


def test_the_list_says_when_who_how_long_and_why(house: Console) -> None:
    ended(house, 1)
    ended(house, 2, agent_name=STRANGE, end_reason="Nobody joined within 2 min")
    ended(house, 3, mode=Mode.TEXT, conversation_id=None)
    house.services.sessions.start(demo(house.services).id, token="t", enable_avatar=False)
    app = house.open("history")
    chat, first, second, third = listed(app)
    assert (list(chat["state"]), chat["mode"]) == (["Text only"], "Text")
    assert (first["agent"], list(first["state"]), first["length"]) == ("Product demo", ["Ended"], "03:42")
    assert (second["agent"], second["why"]) == (STRANGE, "Nobody joined within 2 min")
    assert (list(third["state"]), third["mode"]) == (["Ended"], "Text")
    assert list(first)[:5] == ["open", "started", "agent", "state", "why"]
    assert "4 sessions. Open shows what was said" in words(app)
    app.run()
    assert house.asked() == []


def test_filters_come_from_the_address_and_narrow_the_list(house: Console) -> None:
    agent = demo(house.services)
    ended(house, 1, agent_id=agent.id, turns=(Turn(0, "user", "Where is the invoice?"),))
    ended(house, 2, status=Status.FAILED, reason="Tavus has no such conversation.", end_reason="")
    ended(house, 3, days=20)
    assert len(listed(house.open("history"))) == 2
    assert len(listed(house.open("history", range="All"))) == 3
    assert [row["why"] for row in listed(house.open("history", state="Failed"))] == ["Tavus has no such conversation"]
    assert len(listed(house.open("history", agent="Product demo"))) == 1
    assert len(listed(house.open("history", search="INVOICE"))) == 1
    app = house.open("history", search="nobody said this")
    assert "Nothing fits" in html(app)
    assert app.button(key="history_all").label == "Show all"


def test_a_rows_button_opens_its_record(house: Console) -> None:
    ended(house, 1)
    second = ended(house, 2)
    app = house.open("history")
    assert [row["open"] for row in listed(app)] == ["Open", "Open"]
    app.session_state["history_opened"] = {"row": 1, "label": "Open"}
    app.run()
    assert app.query_params["session"] in (second.id, [second.id])


def test_the_list_is_paged(house: Console) -> None:
    for number in range(27):
        ended(house, number)
    app = house.open("history")
    assert len(listed(app)) == 25
    assert "25 of 27 sessions" in words(app)
    app.session_state["page"] = 2
    assert len(listed(app.run())) == 2


def test_agents_of_one_name_are_told_apart_in_the_filter(house: Console) -> None:
    first, second = demo(house.services), demo(house.services)
    ended(house, 1, agent_id=second.id)
    options = house.open("history").selectbox(key="agent").options
    assert options == ["All agents", f"Product demo ({first.id})", f"Product demo ({second.id})"]


def test_a_broken_database_is_named_and_never_looks_empty(house: Console) -> None:
    ended(house, 1)
    app = house.open("history")
    house.services.store.close()
    app.run()
    assert "No sessions yet" not in words(app)
    assert "The database" in words(app)
    assert any(button.label == "Retry" for button in app.button)


def test_a_record_shows_transcript_timeline_outcome_and_figures(house: Console) -> None:
    turns = (
        Turn(0, "system", "You are a guide."),
        Turn(1, "assistant", "Welcome.", 1.5),
        Turn(2, "user", "What does <b>it</b> cost?", 65.0),
        Turn(3, "user", "And for two?", 70.0),
    )
    session = ended(house, 1, turns=turns, perception="Calm & friendly")
    app = house.open("session", session=session.id)
    said = words(app)
    assert "You ended it" in said
    assert "<b>03:42</b>" in said
    assert "What does &lt;b&gt;it&lt;/b&gt; cost?" in said
    assert "<time>1:05</time>" in said
    assert "You are a guide." not in said
    assert "Start pressed" in said
    assert "<b>2 times</b>" in said
    assert "<b>1 time</b>" in said
    assert "Calm &amp; friendly" in said
    assert app.expander[0].label == "Perception: the model’s impression"
    assert not app.expander[0].proto.expanded


def test_a_record_is_taken_along_in_three_forms(house: Console) -> None:
    session = ended(house, 1, turns=(Turn(0, "user", "=1+1"),))
    app = house.open("session", session=session.id)
    assert [button.key for button in app.download_button] == ["session_md", "session_csv", "session_json"]
    turns, events = house.services.sessions.turns(session.id), house.services.sessions.timeline(session.id)
    assert "**You**: =1+1" in export.markdown(session, turns, events)
    assert "'=1+1" in export.turns_csv(turns)
    assert json.loads(export.as_json(session, turns, events))["turns"][0]["content"] == "=1+1"


def test_start_again_starts_the_same_agent(house: Console) -> None:
    agent = demo(house.services)
    session = ended(house, 1, agent_id=agent.id)
    app = house.open("session", session=session.id)
    app.button(key="session_again").click().run()
    (started,) = house.services.sessions.open()
    assert started.agent_id == agent.id


def test_start_again_of_a_deleted_agent_says_so_and_stays(house: Console) -> None:
    session = ended(house, 1)
    app = house.open("session", session=session.id)
    app.button(key="session_again").click().run()
    assert "There is no agent" in words(app)
    assert app.title[0].value == "Product demo"


def test_an_unknown_session_and_none_at_all_are_told_apart(house: Console) -> None:
    assert "There is no session" in words(house.open("session", session="s-none"))
    assert "No session chosen" in words(house.open("session"))


def test_a_failed_session_says_why_and_what_to_do(house: Console) -> None:
    session = ended(
        house, 1, status=Status.FAILED, reason="Tavus has no such conversation.", end_reason="", end_code="",
        reason_hint="Start again.",
    )  # fmt: skip
    said = words(house.open("session", session=session.id))
    assert "Tavus has no such conversation" in said
    assert "Start again" in said
