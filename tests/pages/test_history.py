"""History and the record of a session: empty, working and refused; filters, pages, exports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lib.errors import StoreSlow
from lib.models import Exchange, Mode, Recording, Session, Status, Traffic, Turn
from lib.services.records import archive, export
from lib.store import exchanges, removed, search
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
    assert list(app.dataframe[0].proto.column_order)[:5] == ["open", "started", "agent", "state", "why"]
    assert "4 sessions, " in words(app)
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
    assert [row["mode"] for row in listed(house.open("history", mode="Video calls"))] == ["Video", "Video"]
    assert not house.open("history", mode="Text chats").dataframe
    app = house.open("history", search="nobody said this")
    assert "Nothing fits" in html(app)
    assert app.button(key="history_all").label == "Show all"
    assert len(listed(app.button(key="history_all").click().run())) == 3


def test_a_rows_button_opens_its_record(house: Console) -> None:
    ended(house, 1)
    second = ended(house, 2)
    app = house.open("history")
    assert [row["open"] for row in listed(app)] == ["Open", "Open"]
    app.session_state["history_opened"] = {"row": 1, "label": "Open"}
    app.run()
    assert app.query_params["session"] in (second.id, [second.id])


def test_a_click_opens_the_row_that_was_seen_also_where_a_newer_session_came_above_it(house: Console) -> None:
    seen = ended(house, 1)
    app = house.open("history")
    ended(house, 0)
    app.session_state["history_opened"] = {"row": 0, "label": "Open"}
    app.run()
    assert app.query_params["session"] in (seen.id, [seen.id])


def test_the_list_is_paged_by_places_in_the_address(house: Console) -> None:
    for number in range(60):
        ended(house, number)
    app = house.open("history")
    newest = [row["started"] for row in listed(app)]
    assert len(newest) == 25
    assert "25 of 60 sessions" in words(app)
    assert app.button(key="history_newer").disabled and app.button(key="history_newest").disabled
    app.button(key="history_older").click().run()
    place = "".join(app.query_params["older"])
    app.button(key="history_older").click().run()
    assert len(listed(app)) == 10
    assert app.button(key="history_older").disabled
    app.button(key="history_newer").click().run()
    assert [row["started"] for row in listed(app)] == [
        row["started"] for row in listed(house.open("history", older=place))
    ]
    app.button(key="history_newest").click().run()
    assert [row["started"] for row in listed(app)] == newest
    assert "older" not in app.query_params and "newer" not in app.query_params


def test_another_filter_begins_at_the_first_page_and_a_broken_place_too(house: Console) -> None:
    for number in range(30):
        ended(house, number, turns=(Turn(0, "user", "pricing"),))
    app = house.open("history")
    app.button(key="history_older").click().run()
    app.text_input(key="search").set_value("pricing").run()
    assert len(listed(app)) == 25
    assert "older" not in app.query_params
    assert len(listed(house.open("history", older="nonsense"))) == 25


def test_days_of_ones_own_choice_are_a_filter(house: Console) -> None:
    for days in (1, 3, 5):
        ended(house, days, days=days)
    today = datetime.now(UTC).date()
    first, last = today - timedelta(days=3), today - timedelta(days=3)
    app = house.open("history", range="Dates")
    assert len(listed(app)) == 3
    app.date_input(key="dates").set_value((first, last)).run()
    assert len(listed(app)) == 1


def test_the_days_and_the_ends_are_added_up(tmp_path: Path) -> None:
    with console(tmp_path, price_per_minute=0.5, daily_minutes=100) as house:
        ended(house, 1)
        ended(house, 2, days=1, end_code="max_call_duration reached")
        ended(house, 3, days=1, mode=Mode.TEXT)
        ended(house, 4, status=Status.FAILED, waiting_at=None)
        ended(house, 5, days=20)
        drawn = html(house.open("history"))
        assert "<b>7 min</b> in calls, about 3.70 at 0.5 a minute" in drawn
        assert "<b>4 sessions</b> by how they ended" in drawn
        for words_, count in (("You ended it", 2), ("Time limit reached", 1), ("Failed", 1)):
            assert re.search(f">{words_}</span><div><i style=[^>]*></i><b>{count}</b>", drawn), words_
        assert drawn.count("min, ") >= 7
        assert "gr-charts" not in html(house.open("history", search="demo"))
        row = listed(house.open("history"))[0]
        assert row["cost"] == "1.85"


def test_without_a_price_no_money_is_shown(house: Console) -> None:
    ended(house, 1)
    app = house.open("history")
    assert "of 420 min that 7 days allow" in html(app)
    assert "a minute" not in html(app)
    assert '"cost": {"hidden": true}' in app.dataframe[0].proto.columns


def test_too_many_sessions_to_add_up_leave_the_list_as_it_is(house: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(house, 1)
    monkeypatch.setattr(archive, "FIGURES_S", 0.0)
    app = house.open("history")
    assert len(listed(app)) == 1
    assert "Choose a shorter time for the charts" in words(app)


def test_a_search_says_where_it_stopped_and_goes_on_there(house: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        ended(house, number, turns=(Turn(0, "user", "pricing"),))
    whole = search.portions

    def stopping(timeout: Any, wanted: Any, *, near: int, far: int, newest_first: bool = True) -> Iterator[Any]:
        numbers, _ = next(whole(timeout, wanted, near=near, far=far, newest_first=newest_first))
        yield numbers[:2], (numbers[:2] or [far])[-1]
        if len(numbers) > 2:
            raise StoreSlow("The time is up.")

    monkeypatch.setattr(search, "portions", stopping)
    app = house.open("history", search="pricing")
    assert len(listed(app)) == 2
    assert "The search stopped after a second." in words(app)
    app.button(key="history_older").click().run()
    assert len(listed(app)) == 1
    assert "stopped" not in words(app)


def test_words_that_nobody_said_whole_and_no_words_at_all_are_told_apart(house: Console) -> None:
    ended(house, 1, turns=(Turn(0, "user", "pricing"),))
    app = house.open("history", search="pric")
    assert len(listed(app)) == 1
    assert "Shown is where words begin like them" in words(app)
    assert "Nothing to look for" in html(house.open("history", search="%%%"))


def test_a_search_shows_where_the_words_were_said(house: Console) -> None:
    long = "First this and that. " * 20 + "And what about PRICES and <b>lists</b>, please? " + "Then more. " * 20
    turns = (Turn(0, "system", "prices prices"), Turn(1, "user", "Hello"), Turn(2, "user", long))
    ended(house, 1, turns=turns)
    ended(house, 2, agent_name="Prices")
    app = house.open("history", search="prices")
    words_, name = listed(app)
    assert name["said"] == "–"
    assert "what about PRICES and <b>lists</b>, please?" in words_["said"]
    assert words_["said"].startswith("…") and words_["said"].endswith("…") and len(words_["said"]) < 100
    assert "said" not in house.open("history").dataframe[0].proto.column_order
    assert listed(house.open("history", search='"about prices"'))[0]["said"].find("about PRICES") > 0


SAID = (Turn(0, "system", "Secret prompt"), Turn(1, "user", "pricing"), Turn(2, "assistant", "It is nine."))


def test_what_fits_the_filters_is_taken_along_in_three_forms(house: Console) -> None:
    ended(house, 1, agent_name="=HYPERLINK(1)", turns=SAID)
    ended(house, 2, turns=(Turn(0, "user", "nothing"),))
    app = house.open("history", search="pricing")
    assert not app.download_button, "the files of a list are made for nobody"
    app.session_state["history_exports"] = True
    app.run()
    assert [button.key for button in app.download_button] == ["history_csv", "history_md", "history_json"]
    read = house.services.archive.export("md", lambda session: f"Face of {session.replica_id}", text="pricing")
    assert "- Persona: Guide" in read and "**Face of r1**: It is nine." in read
    listed_, read, program = (house.services.archive.export(form, text="pricing") for form in ("csv", "md", "json"))
    assert listed_.splitlines()[1].split(",")[2] == "'=HYPERLINK(1)"
    assert len(listed_.splitlines()) == 2
    assert "**You**: pricing" in read
    record = json.loads(program)
    assert [one["session"]["id"] for one in record["sessions"]] == ["s-test-1"]
    assert record["more"] is False
    assert "Secret prompt" not in read + program


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
        Turn(2, "tool", '{"name": "<price>"}', 30.0),
        Turn(3, "user", "What does <b>it</b> cost?", 65.0),
        Turn(4, "user", "And for two?", 70.0),
    )
    session = ended(house, 1, turns=turns, perception="Calm & friendly")
    app = house.open("session", session=session.id)
    said = words(app)
    assert "You ended it" in said
    assert "<b>03:42</b>" in said
    assert "What does &lt;b&gt;it&lt;/b&gt; cost?" in said
    assert "<time>1:05</time>" in said
    assert "Start pressed" in said
    assert "First words<span>Welcome.</span>" in said
    assert "Last words<span>And for two?</span>" in said
    assert "<b>2 times</b>" in said
    assert "<b>1 time</b>" in said
    assert "Estimated cost" not in said


def test_what_nobody_said_is_kept_apart_and_folded_away(house: Console) -> None:
    turns = (
        Turn(0, "system", "You are a guide."),
        Turn(1, "user", "Hello", 1.0),
        Turn(2, "tool", '{"name": "<price>"}', 30.0),
        Turn(3, "tool", "12", 31.0),
    )
    session = ended(house, 1, turns=turns, perception="Calm & friendly")
    app = house.open("session", session=session.id)
    (transcript,) = [body for body in html(app).split("<div class=") if body.startswith('"gr-tr">')]
    assert "Hello" in transcript
    folded = {one.label: one for one in app.expander}
    assert list(folded) == ["A model’s impression", "Tools that the model used: 2", "What the model was told: 1"]
    for label, text in (
        ("A model’s impression", "Calm &amp; friendly"),
        ("Tools that the model used: 2", "&lt;price&gt;"),
        ("What the model was told: 1", "You are a guide."),
    ):
        assert text not in transcript
        assert not folded[label].proto.expanded
        assert text in "".join(one.proto.body for one in folded[label] if one.type == "html")


def test_callbacks_and_recordings_belong_to_the_record(house: Console) -> None:
    recordings = (
        Recording("calls", "<a>.mp4", 185.0, "s3", "s3://calls/a.mp4"),
        Recording("", "b.mp4", None, "s3", problem="No <access>"),
    )
    session = ended(house, 1, recordings=recordings, perception="Calm")
    with house.services.store.writing() as connection:
        callback = Exchange(0, Traffic.CALLBACK, session.created_at, "system.<shutdown>", session_id=session.id)
        exchanges.add(connection, [exchanges.Entry(house.services.account, callback, "d1")])
    app = house.open("session", session=session.id)
    said = html(app)
    assert "Callback from Tavus<span>system.&lt;shutdown&gt;</span>" in said
    assert [one.label for one in app.expander][1:] == ["Recording", "The recording could not be stored"]
    assert "&lt;a&gt;.mp4" in said and "03:05" in said and "No &lt;access&gt;" in said
    waited = ended(house, 2, recordings=None)
    assert "A recording was asked for" in words(house.open("session", session=waited.id))


def test_with_a_price_a_record_says_what_it_came_to(tmp_path: Path) -> None:
    with console(tmp_path, price_per_minute=0.35) as house:
        session = ended(house, 1)
        assert "<span>Estimated cost</span><b>1.29</b><i>at 0.35 a minute</i>" in html(
            house.open("session", session=session.id)
        )
        chat = ended(house, 2, mode=Mode.TEXT)
        assert "Estimated cost" not in html(house.open("session", session=chat.id))


def test_deleting_a_record_asks_once_says_what_is_lost_and_leads_back_to_the_list(house: Console) -> None:
    first, second = ended(house, 1, turns=(Turn(0, "user", "Hello"),)), ended(house, 2)
    app = house.open("session", session=first.id)
    app.button(key="session_delete").click().run()
    said = " ".join(markdown.value for markdown in app.markdown)
    assert "Lost for ever: 1 entry of transcript and chat, its timeline" in said
    assert "The minutes it used stay counted" in said
    assert house.services.sessions.get(first.id)
    assert not app.checkbox(key="session_delete_there").value
    app.session_state["session_doomed"] = (first.id, False)
    app.run()
    assert [session.id for session in house.services.sessions.page().items] == [second.id]
    assert [toast.value for toast in app.toast] == ["Record deleted."]
    app = house.open("session", session=first.id)
    assert "There is no session" in words(app)


def test_what_is_still_to_be_deleted_at_tavus_is_not_forgotten(house: Console) -> None:
    first, second = ended(house, 1), ended(house, 2)
    assert "still to be deleted" not in words(house.open("history"))
    house.sandbox.faults({"route": "DELETE /v2/conversations/*", "status": 500, "times": -1})
    for session in (first, second):
        house.services.retention.delete(session.id, at_tavus=True)
    assert "2 deleted conversations are still to be deleted at Tavus." in words(house.open("history"))


def test_what_tavus_refuses_to_delete_is_shown_with_its_reason_and_when_it_is_tried_again(house: Console) -> None:
    now = datetime.now(UTC)
    for n in range(5):
        session = ended(house, n)
        with house.services.store.writing() as connection:
            removed.remove(connection, [session.id], at=now, at_tavus=True)
            if n:
                removed.put_off(connection, session.id, now + timedelta(days=1), "it is on :red[legal] hold")
    said = words(house.open("history"))
    assert said.count("It is on :red[legal] hold. Tried once, again on") == 3
    assert "1 more was refused." in said


def test_a_record_that_can_not_be_deleted_says_so_and_stays(house: Console) -> None:
    session = ended(house, 1)
    app = house.open("session", session=session.id)
    with house.services.store.writing() as connection:
        rows.advance(connection, session.id, status=Status.LIVE)
    app.session_state["session_doomed"] = (session.id, False)
    app.run()
    assert "This session is still open." in words(app)
    assert app.title[0].value == "Product demo"
    assert not [button for button in app.button if button.key == "session_delete"]


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
