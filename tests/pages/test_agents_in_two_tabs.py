"""One agent in two tabs, or beside the API: each edit lands on what is there by now, and nothing typed is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lib.models import CallSettings
from tests.house import BUYER, GUIDE, LUCAS, demo
from tests.pages.opened import Console, console, words

CLASH = "was changed while you edited it"
GONE = "This agent was deleted while you edited it."


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with console(tmp_path_factory.mktemp("two-tabs")) as made:
        yield made


@pytest.fixture
def house(shared: Console) -> Console:
    for agent in shared.services.agents.all():
        shared.services.agents.delete(agent.id)
    return shared


def field(app: AppTest, agent_id: str, name: str, rev: int = 1) -> Any:
    key = f"agents_{agent_id}_{rev}_{name}"
    found = [
        widget
        for kind in ("text_input", "text_area", "toggle", "selectbox", "number_input")
        for widget in getattr(app, kind)
        if widget.key == key
    ]
    assert len(found) == 1, (key, found)
    return found[0]


def save(app: AppTest) -> AppTest:
    app.button(key="agents_save").click().run()
    assert not app.exception
    return app


def choose(app: AppTest, key: str, side: str) -> None:
    (choice,) = (group for group in app.button_group if str(group.key).endswith(f"_{key}_side"))
    choice.set_value(side).run()
    assert not app.exception


def go_on(app: AppTest) -> Any:
    (button,) = (one for one in app.button if str(one.key).startswith("agents_clash_") and str(one.key).endswith("_go"))
    return button


def test_two_tabs_that_change_different_fields_keep_both(house: Console) -> None:
    agent = demo(house.services)
    one, two = (house.open("agents", agent=agent.id) for _ in range(2))
    field(one, agent.id, "name").set_value("Renamed").run()
    field(two, agent.id, "greeting").set_value("Welcome.").run()
    save(one)
    save(two)
    kept = house.services.agents.get(agent.id)
    assert (kept.name, kept.call.greeting) == ("Renamed", "Welcome.")
    assert field(two, agent.id, "name").value == "Renamed"


def test_what_the_api_changed_meanwhile_stays_and_is_named(house: Console) -> None:
    agent = demo(house.services, call=CallSettings(captions=True))
    tab = house.open("agents", agent=agent.id)
    field(tab, agent.id, "context").set_value("A trade fair").run()
    house.services.agents.update(agent.id, persona_id=BUYER, captions=False)
    save(tab)
    kept = house.services.agents.get(agent.id)
    assert (kept.persona_id, kept.call) == (BUYER, CallSettings(context="A trade fair"))
    assert [toast.value for toast in tab.toast] == ["Saved. Kept as changed meanwhile: Persona, Captions."]


def test_a_tab_in_which_nothing_is_typed_shows_what_is_there_by_now(house: Console) -> None:
    agent = demo(house.services)
    tab = house.open("agents", agent=agent.id)
    house.services.agents.update(agent.id, name="Renamed", greeting="Welcome.")
    tab.run()
    assert field(tab, agent.id, "name", rev=2).value == "Renamed"
    assert "not saved" not in words(tab)


@pytest.mark.parametrize(
    ("side", "written", "kept_name"),
    [("theirs", "", "Theirs"), ("mine", "", "Mine"), ("anew", "Both of us", "Both of us")],
)
def test_a_clash_writes_nothing_until_a_side_is_chosen(side: str, written: str, kept_name: str, house: Console) -> None:
    agent = demo(house.services)
    one, two = (house.open("agents", agent=agent.id) for _ in range(2))
    field(one, agent.id, "name").set_value("Theirs").run()
    field(one, agent.id, "captions").set_value(True).run()
    field(two, agent.id, "name").set_value("Mine").run()
    field(two, agent.id, "context").set_value("A trade fair").run()
    save(one)
    between = house.services.agents.get(agent.id)
    save(two)
    assert house.services.agents.get(agent.id) == between
    said = words(two)
    for told in (
        CLASH,
        "Take theirs",
        "Keep mine",
        "Write it anew",
        "Theirs: Captions.",
        "Yours: Context for the call.",
    ):
        assert told in said or told in repr([group.options for group in two.button_group]), told
    assert (two.button(key="agents_save").disabled, go_on(two).disabled) == (True, True)
    assert field(two, agent.id, "name").value == "Mine"
    choose(two, "name", side)
    if written:
        (area,) = (one for one in two.text_area if str(one.key).endswith("_name_anew"))
        area.set_value(written).run()
    go_on(two).click().run()
    assert not two.exception
    kept = house.services.agents.get(agent.id)
    assert (kept.name, kept.call) == (kept_name, CallSettings(context="A trade fair", captions=True))
    assert CLASH not in words(two)


def test_ids_in_a_clash_are_shown_by_name_and_ones_own_edits_can_be_given_up(house: Console) -> None:
    agent = demo(house.services)
    tab = house.open("agents", agent=agent.id)
    field(tab, agent.id, "persona_id").set_value(BUYER).run()
    field(tab, agent.id, "context").set_value("A trade fair").run()
    stranger = house.persona("Stranger")
    house.services.catalogue.personas(max_age_s=0)
    house.services.agents.update(agent.id, persona_id=stranger)
    save(tab)
    said = words(tab)
    for persona_id in (BUYER, GUIDE, stranger):
        persona = house.services.catalogue.personas().find(persona_id)
        assert persona is not None and persona.name in said
    (give_up,) = (one for one in tab.button if str(one.key).startswith("danger-agents_clash_"))
    give_up.click().run()
    kept = house.services.agents.get(agent.id)
    assert (kept.persona_id, kept.call.context) == (stranger, "")
    assert field(tab, agent.id, "persona_id", rev=2).value == stranger
    assert CLASH not in words(tab)


def test_a_row_that_moves_on_during_the_choice_is_shown_again_and_not_overwritten(house: Console) -> None:
    agent = demo(house.services)
    tab = house.open("agents", agent=agent.id)
    field(tab, agent.id, "name").set_value("Mine").run()
    house.services.agents.update(agent.id, name="Theirs")
    save(tab)
    choose(tab, "name", "mine")
    house.services.agents.update(agent.id, name="Theirs again", greeting="Welcome.")
    tab.run()
    assert "Theirs again" in words(tab)
    go_on(tab).click().run()
    kept = house.services.agents.get(agent.id)
    assert (kept.name, kept.call.greeting) == ("Mine", "Welcome.")


def test_an_agent_that_was_deleted_meanwhile_keeps_what_was_typed_and_can_be_made_again(house: Console) -> None:
    agent = demo(house.services)
    one, two = (house.open("agents", agent=agent.id) for _ in range(2))
    field(two, agent.id, "name").set_value("Mine").run()
    house.go(one, "agents")
    house.services.agents.delete(agent.id)
    save(two)
    assert GONE in words(two)
    assert field(two, agent.id, "name").value == "Mine"
    assert house.services.agents.all() == []
    house.go(two, "agents")
    house.go(two, "agents", agent=agent.id)
    assert GONE in words(two) and field(two, agent.id, "name").value == "Mine"
    two.button(key="agents_again").click().run()
    (kept,) = house.services.agents.all()
    assert (kept.id, kept.name, kept.persona_id, kept.created_at) == (agent.id, "Mine", GUIDE, agent.created_at)
    assert GONE not in words(two)


def test_edits_of_an_agent_that_was_deleted_can_be_discarded(house: Console) -> None:
    agent = demo(house.services)
    tab = house.open("agents", agent=agent.id)
    field(tab, agent.id, "greeting").set_value("Welcome.").run()
    house.services.agents.delete(agent.id)
    tab.run()
    assert GONE in words(tab)
    tab.button(key="danger-discard-agent").click().run()
    assert "There is no agent" in words(tab)
    assert house.services.agents.all() == []


def test_a_replica_that_someone_else_chose_stays_where_only_the_name_is_saved(house: Console) -> None:
    agent = demo(house.services)
    tab = house.open("agents", agent=agent.id)
    field(tab, agent.id, "name").set_value("Mine").run()
    house.services.agents.update(agent.id, replica_id=LUCAS)
    save(tab)
    assert house.services.agents.get(agent.id).replica_id == LUCAS
