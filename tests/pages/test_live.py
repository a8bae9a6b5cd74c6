"""Live session: readiness that costs nothing, the start, the call, its chat, its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lib.models import Agent, CallSettings, Mode, Session, Status, Watch
from lib.services.calls.sessions import RoomTokens
from lib.services.ledger import outcome
from lib.ui.call import presence, strips
from lib.ui.kit.text import local
from lib.ui.records import record
from tests.house import GUIDE, demo, reaches, until
from tests.pages.opened import Console, console, html, words


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as made:
        yield made


def call(house: Console, agent: Agent | None = None) -> Session:
    """A call whose avatar is there."""
    agent = agent or demo(house.services)
    session = house.services.sessions.start_and_wait(agent.id, token=f"token-{agent.id}")
    return reaches(house.services, session, Status.LIVE)


def unfolded(app: AppTest) -> AppTest:
    """The page with the chat beside a call in sight."""
    app.session_state["live_beside"] = True
    return app.run()


def address(app: AppTest) -> str:
    """The session in the page's address."""
    value = app.query_params["session"]
    return value[0] if isinstance(value, list) else str(value)


def frame(app: AppTest) -> Any:
    """What the call's component was sent, as JSON; None if it was not drawn."""
    drawn = [element.proto for element in app.main if element.type == "bidi_component"]
    return next((proto.json for proto in drawn if proto.component_name == "greenroom_call"), None)


def test_without_an_agent_the_page_says_what_to_do_next(house: Console) -> None:
    app = house.open("live")
    assert "No agents yet" in html(app)
    assert app.button(key="live_new").label == "New agent"


def test_readiness_is_listed_and_costs_two_lists_once(house: Console) -> None:
    demo(house.services)
    app = house.open("live")
    checks = html(app)
    for evidence in ("Tavus answers with this key", "Warm product guide", "Anna is ready", "0 of 2 are open"):
        assert evidence in checks
    assert "60 of 60 left; this call may take 10" in checks
    assert "Takes up to 10 min and 1 of 2 calls" in words(app)
    assert "Tavus bills a call from Start until it ends" in words(app)
    assert app.button(key="live_start").label == "Start, up to 10 min"
    app.run()
    assert sorted(house.asked()) == ["GET /v2/personas", "GET /v2/replicas"]


def test_start_goes_to_the_session_and_creates_one_conversation(house: Console) -> None:
    demo(house.services)
    app = house.open("live")
    app.button(key="live_start").click().run()
    (session,) = house.services.sessions.open()
    assert address(app) == session.id
    assert app.title[0].value == "Product demo"
    reaches(house.services, session, Status.LIVE, Status.WAITING)
    assert house.asked().count("POST /v2/conversations") == 1


def test_text_mode_starts_without_tavus(house: Console) -> None:
    demo(house.services)
    app = house.open("live")
    app.session_state["live_mode"] = "Text only, free"
    app.run()
    assert "It takes no call and is not billed" in words(app)
    app.button(key="live_start").click().run()
    (session,) = house.services.sessions.open()
    assert session.mode is Mode.TEXT
    assert "POST /v2/conversations" not in house.asked()
    assert frame(app) is None


def test_an_agent_without_its_replica_can_not_be_started_with_video(house: Console) -> None:
    demo(house.services, replica_id="rgone0000000")
    app = house.open("live")
    assert "Its replica was deleted. Choose another replica." in html(app)
    assert app.button(key="live_start").disabled


def test_what_else_an_agent_lacks_is_said_on_a_line_of_its_own_and_does_not_hold_it_back(house: Console) -> None:
    settings = CallSettings(language="Klingon", document_ids=("dgone",), recording=True)
    demo(house.services, call=settings)
    app = house.open("live")
    said = html(app)
    for name, told in (
        ("Language", "Tavus does not list the language"),
        ("Documents", "Its document dgone was deleted. Take it off the agent."),
        ("Recording", "Recording is on and has no storage."),
    ):
        line = said.split(f"<b>{name}</b>")[1].split("<b>")[0]
        assert told in line and "Check" in line
    assert not app.button(key="live_start").disabled
    app.run()
    assert sorted(house.asked()) == ["GET /v2/documents", "GET /v2/personas", "GET /v2/replicas"]


def test_a_call_shows_its_frame_its_limit_and_its_end_and_reruns_ask_nothing(house: Console) -> None:
    session = call(house)
    app = house.open("live", session=session.id)
    assert session.conversation_url in frame(app)
    strip = html(app)
    assert "Live" in strip
    assert "of 10:00" in strip
    assert "1 of 2 calls in use" in strip
    app.run()
    watched = f"GET /v2/conversations/{session.conversation_id}"
    # The persona, which no page had read, names the face of the call.
    started = [f"GET /v2/personas/{GUIDE}", "POST /v2/conversations"]
    assert [route for route in house.asked() if route != watched] == started
    app.button(key="danger-end").click().run()
    ended = reaches(house.services, session, Status.ENDED)
    app.run()
    assert frame(app) is None
    assert "You ended it" in words(app)
    until(lambda: house.services.sessions.get(ended.id).transcript_at)
    app.run()
    assert app.button(key="live_restart").label == "Start again, up to 10 min"
    assert app.button(key="live_record").label == "Open the record"
    assert "Nobody spoke" in words(app)


def test_the_frame_stays_while_other_pages_are_open_and_goes_with_the_session(house: Console) -> None:
    session = call(house)
    app = house.open("live", session=session.id)
    house.go(app, "home")
    assert session.conversation_url in frame(app)
    house.go(app, "live")
    assert address(app) == session.id
    house.services.sessions.end(session.id)
    reaches(house.services, session, Status.ENDED)
    house.go(app, "home")
    assert frame(app) is None


def test_a_tab_that_never_saw_the_room_does_not_open_it_out_of_sight(house: Console) -> None:
    session = call(house)
    app = house.open("home")
    assert frame(app) is None
    assert session.conversation_url not in str(app.main)


def test_a_private_rooms_token_is_in_the_frame_alone_and_its_loss_is_said(house: Console) -> None:
    session = call(house, demo(house.services, call=CallSettings(private_room=True)))
    url = house.services.sessions.room_url(session)
    token = url.partition("?t=")[2]
    app = house.open("live", session=session.id)
    assert token
    assert token in frame(app)
    assert token not in words(app)
    assert not app.get("link_button")
    house.services.sessions._tokens = RoomTokens()
    lost = frame(house.open("live", session=session.id))
    assert token not in lost
    assert "can’t be joined again" in json.loads(lost)["note"]


def test_chat_answers_and_is_kept(house: Console) -> None:
    session = call(house)
    app = unfolded(house.open("live", session=session.id))
    app.chat_input(key="live_say").set_value("What does <b>it</b> cost?").run()
    said = [(turn.role, turn.source) for turn in house.services.sessions.turns(session.id)]
    assert said == [("user", "chat"), ("assistant", "chat")]
    app.run()
    assert "What does &lt;b&gt;it&lt;/b&gt; cost?" in html(app)


def test_text_chat_says_once_what_nobody_who_answers_there_reads(house: Console) -> None:
    documents = [item.id for item in house.services.library.documents.all().items]
    rules = [item.id for item in house.services.library.guardrails.all().items]
    persona = house.persona("Rich", document_ids=documents[:1], guardrail_ids=rules[:2])
    house.services.catalogue.personas()
    note = "The stand-in does not read the 1 document and 2 rules."
    rich = demo(house.services, persona_id=persona)
    session = house.services.sessions.start(rich.id, token="t", enable_avatar=False)
    app = house.open("live", session=session.id)
    assert html(app).count(note) == 1, "before anything was written"
    app.chat_input(key="live_say").set_value("Hello").run()
    assert html(app.run()).count(note) == 1
    assert note not in " ".join(turn.content for turn in house.services.sessions.turns(session.id))
    plain = house.services.sessions.start(demo(house.services).id, token="u", enable_avatar=False)
    assert "does not read" not in html(house.open("live", session=plain.id))
    more = demo(house.services, persona_id=persona, call=CallSettings(document_ids=tuple(documents[:2])))
    both = house.services.sessions.start(more.id, token="v", enable_avatar=False)
    assert "does not read the 2 documents and 2 rules." in html(house.open("live", session=both.id))


def test_what_could_not_be_sent_stays_in_the_field(tmp_path: Path) -> None:
    with console(tmp_path, chat_base_url="http://127.0.0.1:9/v1", chat_model="m") as house:
        session = house.services.sessions.start(demo(house.services).id, token="t", enable_avatar=False)
        app = house.open("live", session=session.id)
        app.chat_input(key="live_say").set_value("Are you there?").run()
        assert "chat endpoint" in words(app).lower()
        assert app.chat_input(key="live_say").proto.value == "Are you there?"
        assert house.services.sessions.turns(session.id) == []


def test_a_refused_avatar_names_cause_what_works_and_what_to_do(house: Console) -> None:
    house.sandbox.limits(concurrency=0)
    session = house.services.sessions.start_and_wait(demo(house.services).id, token="t")
    assert session.mode is Mode.TEXT
    app = house.open("live", session=session.id)
    said = words(app)
    assert "Avatar unavailable." in said
    assert "Nothing was created and nothing is billed" in said
    assert session.reason_hint.startswith("End an open conversation of this account")
    assert "End an open conversation of this account" in said
    assert "Text chat works meanwhile" not in said
    assert frame(app) is None
    assert "No call of this console is open" in words(app)
    assert app.chat_input(key="live_say")
    house.sandbox.limits(concurrency=5)
    app.button(key="live_again").click().run()
    (again,) = [item for item in house.services.sessions.open() if item.id != session.id]
    assert again.mode is Mode.PHOENIX_REST
    assert address(app) == again.id


def test_an_agent_whose_persona_is_gone_is_opened_and_no_persona_is_promised(house: Console) -> None:
    agent = demo(house.services, persona_id="pgone0000000")
    session = house.services.sessions.start_and_wait(agent.id, token="t")
    assert outcome.agents_fault(session)
    house.services.catalogue.personas()
    app = house.open("live", session=session.id)
    said = words(app)
    assert said.count("Nothing was ") == 1
    assert "same persona" not in said
    assert "Stand-in model, not the Tavus pipeline. It has no persona" in said
    assert app.button(key="live_agent_of").label == "Open the agent"
    house.services.sessions.end(session.id)
    assert app.run().button(key="live_agent_of").label == "Open the agent"
    app.button(key="live_agent_of").click().run()
    assert app.query_params["agent"] in (agent.id, [agent.id])


def test_a_text_over_the_limit_stays_in_the_field_and_is_named(house: Console) -> None:
    session = house.services.sessions.start(demo(house.services).id, token="t", enable_avatar=False)
    app = house.open("live", session=session.id)
    long = "word " * 500
    app.chat_input(key="live_say").set_value(long).run()
    assert "1 to 2000 characters; this one has 2499" in words(app)
    assert app.chat_input(key="live_say").proto.value == long
    assert house.services.sessions.turns(session.id) == []


def test_text_chat_is_folded_away_from_a_call_and_open_without_one(house: Console) -> None:
    session = call(house)
    house.services.catalogue.replicas()
    app = house.open("live", session=session.id)
    assert [(item.label, item.proto.expanded) for item in app.expander] == [("Text chat, outside the call", False)]
    assert not app.chat_input
    assert unfolded(app).chat_input(key="live_say").placeholder == "Text chat with Anna, outside the call"
    chat = house.services.sessions.start(session.agent_id, token="t", enable_avatar=False)
    app = house.open("live", session=chat.id)
    assert not app.expander
    assert app.chat_input(key="live_say").placeholder == "Write to Anna"


def test_a_live_call_says_what_live_means_and_what_it_costs(house: Console) -> None:
    app = house.open("live", session=call(house).id)
    assert "The avatar is in the room" in html(app)
    assert "It closes 2 min after the start if nobody has joined by then, 30 s after everyone left." in words(app)
    assert "By Tavus, from Start to the end" in html(app)
    assert "Leaving the room does not end the billing. End session does." in html(app)


def test_tavus_out_of_reach_is_said_and_an_end_can_be_asked_for_again(house: Console) -> None:
    session = call(house)
    house.sandbox.faults({"route": "* /v2/conversations*", "times": -1, "status": 500, "body": {"error": "boom"}})
    until(lambda: house.services.sessions.trouble(session.id))
    app = house.open("live", session=session.id)
    assert "A call in its room may go on meanwhile." in words(app)
    app.button(key="danger-end").click().run()
    app.run()
    assert "The room may still be open." in words(app)
    assert "may still be billed, until its limit of 10 min" in words(app)
    assert not app.button(key="again-end").disabled
    house.sandbox.faults()
    app.button(key="again-end").click().run()
    reaches(house.services, session, Status.ENDED)
    app.run()
    assert "You ended it" in words(app)
    assert "may still be billed" not in words(app)


def test_an_end_that_takes_long_can_be_asked_for_again(house: Console) -> None:
    session = call(house)
    house.sandbox.faults({"route": "* /v2/conversations*", "times": -1, "delay_s": 5})
    ending = house.services.sessions.end(session.id)
    asked = next(event.at for event in house.services.sessions.timeline(session.id) if event.kind == "ending")
    assert not strips.ends_slowly(house.services, ending, asked + timedelta(seconds=4))
    assert strips.ends_slowly(house.services, ending, asked + timedelta(seconds=6))


def test_an_agent_in_a_call_offers_the_way_back_first(house: Console) -> None:
    session = call(house)
    app = house.open("live")
    assert "50 of 60 left, 10 reserved by open calls; this call may take 10" in html(app)
    app.button(key="live_back").click().run()
    assert address(app) == session.id


def test_an_unknown_session_says_so_and_offers_the_agents(house: Console) -> None:
    demo(house.services)
    app = house.open("live", session="s-none")
    assert "There is no session s-none here" in words(app)
    assert app.button(key="live_start")


def test_a_transcript_is_awaited_for_a_while_and_then_said_to_be_missing(house: Console) -> None:
    session = call(house)
    house.services.sessions.end(session.id)
    ended = reaches(house.services, session, Status.ENDED)
    assert ended.ended_at is not None
    until(lambda: house.services.sessions.get(session.id).transcript_at)
    unread = Session(**{**vars(ended), "transcript_at": None})
    assert record.transcript_pending(unread, ended.ended_at + timedelta(seconds=5))
    assert not record.transcript_pending(unread, ended.ended_at + timedelta(seconds=record.READING_S + 1))


@pytest.mark.parametrize(
    ("how", "cause"),
    [({"status": 401, "body": {"message": "Invalid access token"}}, "refused the key"), ({"html": True}, "web page")],
)
def test_refused_lists_are_named_and_never_look_empty(house: Console, how: dict[str, Any], cause: str) -> None:
    demo(house.services)
    house.sandbox.faults({"route": "* /v2/*", "times": -1, **how})
    app = house.open("live")
    assert cause in words(app)
    assert "No agents" not in words(app)


def test_a_start_that_is_being_checked_says_what_is_asked_and_until_when(house: Console) -> None:
    house.sandbox.faults({"route": "POST /v2/conversations", "times": 1, "drop": "before"})
    session = house.services.sessions.start_and_wait(demo(house.services).id, token="t")
    app = house.open("live", session=session.id)
    checked = house.services.sessions.get(session.id)
    assert checked.checking_until is not None
    until_then = f"{local(checked.checking_until):%H:%M:%S}"
    assert f"Tavus is asked until {until_then} whether the room was made" in html(app)
    assert "Nothing is sent twice" in json.loads(frame(app))["note"]
    assert until_then in json.loads(frame(app))["note"]
    assert not app.get("link_button")


@pytest.mark.parametrize(
    "refusal",
    [
        {"status": 400, "body": {"message": "User has reached maximum concurrent conversations"}},
        {"status": 402, "body": {"message": "The user is out of conversational credits"}},
    ],
    ids=["slots", "credit"],
)
def test_a_refusal_that_an_end_may_lift_lists_your_own_open_calls_with_their_end(
    refusal: dict[str, Any], house: Console
) -> None:
    open_call = call(house)
    house.sandbox.faults({"route": "POST /v2/conversations", "times": 1, **refusal})
    refused = house.services.sessions.start_and_wait(demo(house.services, name="Other").id, token="t")
    app = house.open("live", session=refused.id)
    assert "Product demo" in html(app)
    assert "No call of this console is open" not in words(app)
    app.button(key=f"danger-refused-{open_call.id}").click().run()
    assert reaches(house.services, open_call, Status.ENDED).end_reason == "You ended it"


def test_one_call_at_once_is_said_in_the_singular(tmp_path: Path) -> None:
    with console(tmp_path, max_concurrent_calls=1) as house:
        call(house)
        refused = house.services.sessions.start_and_wait(demo(house.services).id, token="t")
        assert refused.reason == "The one call that this console may hold at once is open."


def test_how_the_call_is_watched_is_said_beside_it(house: Console) -> None:
    session = call(house)
    app = house.open("live", session=session.id)
    assert "ends the call once no page has shown it for 90 s" in words(app)
    house.services.sessions.detach(session.id)
    app.run()
    assert "so it goes on when this page is closed" in words(app)
    made = house.services.sessions.start_and_wait(session.agent_id, token="api", watch=Watch.API)
    app = house.open("live", session=made.id)
    assert "once nobody has asked about it for 90 s" in words(app)


def test_starts_at_the_limit_of_one_person_are_named_before_the_click(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "person", lambda: "Ada")
    with console(tmp_path, max_starts_per_minute=1) as house:
        demo(house.services)
        house.open("live").button(key="live_start").click().run()
        app = house.open("live")
        assert "You started 1 within the last minute, the most for one person. Wait a minute." in html(app)
        assert app.button(key="live_start").disabled


@pytest.mark.parametrize(
    ("user", "address", "name"),
    [
        ({"is_logged_in": True, "email": "a@b.example"}, "10.0.0.7", "a@b.example"),
        ({"is_logged_in": False, "email": "a@b.example"}, "10.0.0.7", "10.0.0.7"),
        ({}, None, ""),
    ],
)
def test_a_person_is_told_by_the_login_or_else_by_the_machine(
    user: dict[str, Any], address: str | None, name: str
) -> None:
    assert presence.person_name(user, address) == name


# one start after another


def creates(house: Console) -> int:
    return house.asked().count("POST /v2/conversations")


def started(house: Console, app: AppTest) -> str:
    """Start the only agent on this tab; the session that it led to."""
    (agent,) = house.services.agents.all()
    house.go(app, "agents", agent=agent.id)
    app.button(key=f"start-agent-{agent.id}").click().run()
    assert not app.exception
    return address(app)


@pytest.mark.parametrize("ends", [{"status": 429, "times": -1}, {"delay_s": 0.0}], ids=["slowly", "at once"])
@pytest.mark.parametrize("by", ["the page", "somebody else", "tavus"])
def test_a_start_after_an_end_is_a_new_session_however_soon(by: str, ends: dict[str, Any], house: Console) -> None:
    demo(house.services)
    app = house.open("live")
    first = started(house, app)
    session = reaches(house.services, house.services.sessions.get(first), Status.LIVE)
    house.sandbox.faults({"route": "POST /v2/conversations/*/end", **ends})
    if by == "the page":
        house.go(app, "live", session=first).button(key="danger-end").click().run()
    elif by == "somebody else":
        house.services.sessions.end(first)
    else:
        house.sandbox.inside.calls.end(session.conversation_id, "participant_left_timeout")
        house.services.sessions.hint(first)
        reaches(house.services, session, Status.ENDED)
    second = started(house, app)
    assert second != first
    house.go(app, "agents", agent=session.agent_id)
    reaches(house.services, house.services.sessions.get(second), Status.LIVE)
    assert started(house, app) == second
    assert creates(house) == 2


def test_an_end_while_it_is_being_checked_makes_room_for_a_new_start(house: Console) -> None:
    demo(house.services)
    app = house.open("live")
    house.sandbox.faults(
        {"route": "POST /v2/conversations", "drop": "before", "times": 1},
        {"route": "GET /v2/conversations", "status": 429, "times": -1},
    )
    first = started(house, app)
    reaches(house.services, house.services.sessions.get(first), Status.UNKNOWN)
    house.services.sessions.end(first)
    assert started(house, app) != first


def test_a_refused_start_that_was_ended_is_tried_anew(house: Console) -> None:
    demo(house.services)
    app = house.open("live")
    house.sandbox.faults({"route": "POST /v2/conversations", "status": 402, "times": 1})
    first = started(house, app)
    assert house.services.sessions.get(first).mode is Mode.TEXT
    house.services.sessions.end(first)
    assert started(house, app) != first


def test_a_call_that_tavus_has_ended_by_the_time_it_answers_is_not_paid_for_twice_by_one_click(house: Console) -> None:
    demo(house.services)
    app = house.open("live")
    made = house.sandbox.call("POST", "/conversations", {"persona_id": "p2b8e10c94d6"}).json()
    house.sandbox.inside.calls.end(made["conversation_id"], "participant_left_timeout")
    before = creates(house)
    over = {**made, "status": "ended"}
    house.sandbox.faults({"route": "POST /v2/conversations", "status": 200, "body": over, "times": 1})
    started(house, app)
    assert creates(house) == before + 1


def test_a_call_that_is_ended_at_once_is_not_paid_for_twice_by_one_click_nor_by_a_double_click(house: Console) -> None:
    demo(house.services)
    app = house.open("live")
    made = house.sandbox.call("POST", "/conversations", {"persona_id": "p2b8e10c94d6"}).json()
    before = creates(house)
    strange = {**made, "conversation_url": "https://evil.example/room"}
    house.sandbox.faults({"route": "POST /v2/conversations", "status": 200, "body": strange, "times": 1})
    first = started(house, app)
    reaches(house.services, house.services.sessions.get(first), Status.ENDED)
    assert creates(house) == before + 1
    assert started(house, app) == first
    assert creates(house) == before + 1
    house.go(app, "live", session=first).button(key="live_restart").click().run()
    until(lambda: creates(house) == before + 2)
    (second,) = house.services.sessions.open()
    assert second.id != first
