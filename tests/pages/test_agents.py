"""The Agents page: empty, working and refused; an agent is made, mended, started, copied and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lib import wiring
from lib.models import CallSettings
from lib.ui import agent_form
from tests.house import ANNA, BUYER, GUIDE, LUCAS, demo
from tests.house import house as built
from tests.pages.opened import Console, console, html, words

STRANGE = '<img src=x onerror="alert(1)"> :red[x] *y* 🦊 שלום'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as made:
        yield made


def field(app: AppTest, agent_id: str, name: str, rev: int = 1) -> Any:
    key = f"agents_{agent_id}_{rev}_{name}"
    kinds = (app.text_input, app.text_area, app.selectbox, app.number_input, app.toggle)
    return next(widget for kind in kinds for widget in kind if widget.key == key)


def test_without_an_agent_the_page_says_what_to_do(house: Console) -> None:
    app = house.open("agents")
    assert "No agents yet" in html(app)
    app.button(key="agents_first").click().run()
    assert app.title[0].value == "New agent"


def test_the_cards_show_face_persona_and_what_is_missing(house: Console) -> None:
    ready = demo(house.services, name=STRANGE, call=CallSettings(language="German", max_call_s=300))
    broken = demo(house.services, name="Broken", persona_id="p0000gone0000")
    app = house.open("agents")
    assert house.asked() == ["GET /v2/personas", "GET /v2/replicas"]
    cards = html(app)
    assert "<img src=x" not in cards
    assert "Anna · Warm product guide" in cards
    assert "German · not used yet" in cards
    assert "Its persona was deleted" in cards
    assert app.button(key=f"start-agents-{ready.id}").label == "Start, up to 5 min"
    assert app.button(key=f"agents_fix_{broken.id}").label == "Fix"
    app.run()
    assert len(house.asked()) == 2
    app.button(key=f"agents_fix_{broken.id}").click().run()
    assert "Its persona was deleted" in words(app)
    assert len(house.asked()) == 2


def test_an_agent_is_made_with_persona_face_and_call_settings(house: Console) -> None:
    app = house.open("agents", agent="new", persona=BUYER)
    app.button(key="agents_save").click().run()
    assert "Name: Give the agent a name." in words(app)
    field(app, "new", "name").input("Hard questions").run()
    app.button(key=f"agents_new_1_replica_id_pick_{LUCAS}").click().run()
    field(app, "new", "language").set_value("Spanish").run()
    limit = field(app, "new", "minutes")
    assert (limit.min, limit.max) == (0.5, 10.0)
    field(app, "new", "context").input("The caller sells pumps.").run()
    field(app, "new", "private_room").set_value(True).run()
    field(app, "new", "minutes").set_value(2.5).run()
    app.button(key="agents_save").click().run()
    (made,) = house.services.agents.all()
    assert (made.name, made.persona_id, made.replica_id) == ("Hard questions", BUYER, LUCAS)
    assert made.call == CallSettings(
        language="Spanish", max_call_s=150, context="The caller sells pumps.", private_room=True
    )
    assert app.title[0].value == "Hard questions"
    assert app.button(key=f"start-agent-{made.id}").label == "Start, up to 150 s"


def test_a_limit_that_is_not_allowed_any_more_is_not_ready(house: Console, tmp_path: Path) -> None:
    agent = demo(house.services, call=CallSettings(max_call_s=600))
    with built(house.sandbox.url, tmp_path, max_call_s=300) as lowered:
        wiring.install(lowered)
        app = house.open("agents")
        assert "A call ends after 5 min, not after 10 min" in html(app)
        assert app.button(key=f"start-agents-{agent.id}").label == "Start, up to 5 min"
        app = house.open("agents", agent=agent.id)
        field(app, agent.id, "name").input("Evening demo").run()
        said = words(app)
        assert "Limit" in said and "A call of this agent can last from 30 s to 5 min, not 10 min" in said
        assert "Ready]" not in said and "A call lasts up to" not in said
        app.button(key="agents_save").click().run()
        assert "Not saved yet." in words(app)
        field(app, agent.id, "minutes").set_value(5.0).run()
        assert "A call lasts up to 5 min" in words(app)


def test_no_limit_is_the_limit_of_the_installation_and_none_is_not_ready_without_a_name(house: Console) -> None:
    app = house.open("agents", agent="new", persona=GUIDE)
    assert "Give the agent a name" in words(app) and "A call lasts up to" not in words(app)
    field(app, "new", "name").input("Demo").run()
    assert "A call lasts up to 10 min" in words(app)


def test_the_form_says_whose_replica_a_call_would_show(house: Console) -> None:
    bare = house.persona("Bare")
    worn = house.persona("Dressed", default_replica_id=LUCAS)
    app = house.open("agents", agent="new", persona=bare)
    assert "Replica: :gray[none chosen yet]" in words(app)
    assert "No replica chosen" in words(app)
    app = house.open("agents", agent="new", persona=worn)
    assert "Replica: **Lucas** :gray[the persona’s, since the agent has none of its own]" in words(app)
    app.button(key=f"agents_new_1_replica_id_pick_{ANNA}").click().run()
    assert "Replica: **Anna**" in words(app) and "none of its own" not in words(app)
    assert app.button(key="agents_new_1_replica_id_clear").label == "Use the persona’s"


def test_the_default_of_the_installation_is_named_as_such(tmp_path: Path) -> None:
    with console(tmp_path, tavus_default_replica_id=LUCAS) as house:
        app = house.open("agents", agent="new", persona=house.persona("Bare"))
    assert "Replica: **Lucas** :gray[the default for all agents" in words(app).replace("\\", "")


def test_an_edit_is_counted_kept_across_pages_and_saved(house: Console) -> None:
    agent = demo(house.services)
    app = house.open("agents", agent=agent.id)
    assert app.button(key="agents_save").disabled
    field(app, agent.id, "name").input("Evening demo").run()
    field(app, agent.id, "greeting").input("Good evening!").run()
    assert "2 edits not saved" in words(app)
    house.go(app, "personas")
    house.go(app, "agents", agent=agent.id)
    assert field(app, agent.id, "name").value == "Evening demo"
    app.button(key="agents_save").click().run()
    saved = house.services.agents.get(agent.id)
    assert (saved.name, saved.call.greeting, saved.replica_id) == ("Evening demo", "Good evening!", ANNA)
    assert "edits not saved" not in words(app)


def test_discard_brings_back_what_is_stored(house: Console) -> None:
    agent = demo(house.services)
    app = house.open("agents", agent=agent.id)
    field(app, agent.id, "name").input("Evening demo").run()
    app.button(key=f"agents_{agent.id}_1_replica_id_pick_{LUCAS}").click().run()
    app.button(key="danger-discard-agent").click().run()
    assert field(app, agent.id, "name", rev=2).value == "Product demo"
    assert "edits not saved" not in words(app)
    assert house.services.agents.get(agent.id) == agent


def test_a_face_that_is_not_ready_can_not_be_chosen_and_says_why(house: Console) -> None:
    row = {"replica_name": "In the making", "train_image_url": "https://example.org/a.png", "voice_name": "anna"}
    made = house.sandbox.call("POST", "/replicas", row).json()["replica_id"]
    app = house.open("agents", agent="new")
    assert app.button(key=f"agents_new_1_replica_id_pick_{made}").disabled
    assert "Still in training" in html(app)
    assert not app.button(key=f"agents_new_1_replica_id_pick_{ANNA}").disabled


@pytest.mark.parametrize("what", ["personas", "replicas"])
def test_what_tavus_refuses_is_named_and_the_agents_stay(what: str, house: Console) -> None:
    agent = demo(house.services)
    house.sandbox.faults({"route": f"GET /v2/{what}", "status": 500, "body": {"error": "boom"}, "times": -1})
    app = house.open("agents")
    assert "failed (500)" in words(app)
    assert "Product demo" in html(app)
    assert "No agents" not in words(app)
    app.button(key=f"agents_edit_{agent.id}").click().run()
    field(app, agent.id, "name").input("Renamed").run()
    app.button(key="agents_save").click().run()
    assert house.services.agents.get(agent.id).name == "Renamed"


def test_start_goes_to_the_live_page_with_the_session(house: Console) -> None:
    agent = demo(house.services)
    app = house.open("agents")
    app.button(key=f"start-agents-{agent.id}").click().run()
    (session,) = house.services.sessions.open()
    assert session.agent_id == agent.id
    assert app.query_params["session"] == session.id


def test_deleting_keeps_what_tavus_has(house: Console) -> None:
    agent = demo(house.services)
    app = house.open("agents", agent=agent.id)
    # What the dialog does: AppTest can't open the menu that leads to it.
    app.session_state["agents_todo"] = agent.id
    app.run()
    assert house.services.agents.all() == []
    assert "The records of its sessions stay" in app.toast[0].value
    assert "No agents yet" in html(app)
    assert house.sandbox.call("GET", f"/personas/{GUIDE}").status_code == 200


def test_an_unknown_agent_is_told_with_a_way_back(house: Console) -> None:
    app = house.open("agents", agent="a0000")
    assert "There is no agent" in words(app)
    app.button(key="agents_back").click().run()
    assert "No agents yet" in html(app)


def test_many_agents_are_paged_and_found_by_name_or_persona(house: Console) -> None:
    for number in range(14):
        demo(house.services, name=f"Demo {number}", persona_id=BUYER if number == 9 else GUIDE)
    app = house.open("agents")
    assert html(app).count("gr-card") == 12
    app.text_input(key="agents_search").input("sceptical").run()
    assert html(app).count("gr-card") == 1
    assert "Demo 9" in html(app)


def test_the_form_gives_back_the_agent_that_it_was_given(house: Console) -> None:
    call = CallSettings("German", 90, "Hi", "It is late.", audio_only=True, private_room=True)
    agent = demo(house.services, call=call)
    values = agent_form.read(agent)
    assert agent_form.write(agent, values) == agent
    assert agent_form.edits(values, {**values, "minutes": 2.0, "name": "B"}) == ("Name", "Limit")
    assert agent_form.problems({**values, "minutes": 0.1}, house.services.agents.most).keys() == {"minutes"}
