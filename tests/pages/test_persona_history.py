"""A persona's history: what was kept, two states compared, an earlier one restored, a deleted one made again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest

from lib.models import Origin
from lib.services.personas.service import By
from tests.house import BUYER, GUIDE, demo
from tests.pages.opened import Console, console, everything, html, words
from tests.pages.test_personas import STRANGE, field

SALES_COACH = "p1af207b8189"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as made:
        yield made


def saved(house: Console, reason: str, persona_id: str = GUIDE, **fields: Any) -> int:
    """A save with a reason; returns the number of its snapshot."""
    before = house.services.personas.get(persona_id)
    house.services.personas.save(before, {**before.raw, **fields}, By(reason=reason)).checked()
    return house.services.personas.history.of(persona_id)[0].id


def elsewhere(house: Console, persona_id: str = GUIDE, **fields: Any) -> None:
    """Someone changes it at Tavus, and the next list finds it."""
    steps = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in fields.items()]
    assert house.sandbox.call("PATCH", f"/personas/{persona_id}", steps).ok
    house.services.catalogue.forget()


def test_each_state_tells_when_why_from_where_and_what_changed(house: Console) -> None:
    house.services.catalogue.personas(max_age_s=0)
    saved(house, STRANGE, persona_name="Second", greeting="Hello")
    elsewhere(house, greeting="Someone else")
    app = house.open("personas", persona=GUIDE, view="history")
    shown = html(app)
    assert shown.index("Changed at Tavus") < shown.index("Saved here") < shown.index("First seen")
    assert "Changed: Greeting." in shown
    assert "Changed: Name, Greeting." in shown
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt; :red[x]" in shown
    assert "The first state that was kept." in shown
    seen = len(house.asked())
    app.run()
    assert house.asked(seen) == []


def test_without_a_history_the_view_says_when_there_will_be_one(house: Console) -> None:
    app = house.open("personas", persona=SALES_COACH, view="history")
    assert "Nobody can change a stock persona" in html(app)
    assert not [button for button in app.button if button.key == "personas_compare"]


def test_a_history_that_can_not_be_read_is_told_and_never_looks_empty(house: Console) -> None:
    app = house.open("personas", persona=GUIDE, view="history")
    house.services.store.close()
    app.run()
    said = words(app)
    assert "No history yet" not in said
    assert "Nothing was written" in said or "database" in said


def test_long_histories_show_the_older_states_when_asked(house: Console) -> None:
    for number in range(14):
        saved(house, f"Step {number}", greeting=f"Hello {number}")
    app = house.open("personas", persona=GUIDE, view="history")
    assert "Step 13" in html(app)
    assert "Step 1<" not in html(app)
    app.button(key="personas_history_older").click().run()
    assert "Step 1<" in html(app)
    assert not [button for button in app.button if button.key == "personas_history_older"]


def test_an_earlier_state_is_restored_through_the_review_and_becomes_a_new_state(house: Console) -> None:
    before = house.stored(GUIDE)
    house.services.catalogue.personas(max_age_s=0)
    first = house.services.personas.history.of(GUIDE)[0].id
    saved(house, "Too long", system_prompt="You talk a lot.", layers={**before["layers"], "humour": {"level": "dry"}})
    app = house.open("personas", persona=GUIDE, view="history")
    app.button(key=f"personas_restore_{first}").click().run()
    assert "view" not in app.query_params
    assert house.stored(GUIDE)["system_prompt"] == "You talk a lot."
    assert "talk a lot" in everything(app)
    assert str(app.text_input(key="personas_reason").value).startswith("Restored from ")
    app.button(key="personas_save").click().run()
    after = house.stored(GUIDE)
    assert {**after, "updated_at": ""} == {**before, "updated_at": ""}
    newest = house.services.personas.history.of(GUIDE)[0]
    assert newest.origin.value == "restore"
    assert newest.reason.startswith("Restored from ")


def test_restoring_over_edits_asks_first_and_keeps_them_on_no(house: Console) -> None:
    house.services.catalogue.personas(max_age_s=0)
    first = house.services.personas.history.of(GUIDE)[0].id
    saved(house, "", greeting="Second")
    app = house.open("personas", persona=GUIDE)
    field(app, GUIDE, "persona_name").input("Typed").run()
    app.button(key="personas_history").click().run()
    app.button(key=f"personas_restore_{first}").click().run()
    assert [button.label for button in app.button if button.key == "personas_keep_edits"] == ["Keep my edits"]
    house.go(app, "personas", persona=GUIDE)
    assert field(app, GUIDE, "persona_name").value == "Typed"


def test_any_two_states_are_compared_by_address(house: Console) -> None:
    one = saved(house, "One", greeting="Hello one")
    two = saved(house, "Two", greeting="Hello two")
    app = house.open("personas", persona=GUIDE, view="compare", a=f"s{one}", b=f"s{two}")
    shown = html(app)
    assert "1 field differs" in shown
    assert '<span class="gr-pre" dir="auto">Hello one</span>' in shown
    assert '<span class="gr-pre" dir="auto">Hello two</span>' in shown
    app.selectbox(key="personas_compare_a").set_value("live").run()
    assert "They say the same" in html(app)
    assert app.query_params["a"] == "live"
    app.selectbox(key="personas_compare_a").set_value(f"p-{BUYER}").run()
    assert "Lucas, head of operations" in html(app)
    app.button(key="personas_compare_swap").click().run()
    assert (app.query_params["a"], app.query_params["b"]) == (f"s{two}", f"p-{BUYER}")


def test_what_is_typed_can_be_compared_with_what_is_live(house: Console) -> None:
    app = house.open("personas", persona=GUIDE)
    field(app, GUIDE, "greeting").input("Typed greeting").run()
    house.go(app, "personas", persona=GUIDE, view="compare", a="live", b="mine")
    assert "Your edits, not saved" in html(app)
    assert "Typed greeting" in html(app)


def test_the_gallery_tells_how_each_persona_stands_by_one_list_call(house: Console) -> None:
    house.services.catalogue.personas(max_age_s=0)
    elsewhere(house, greeting="Someone else")
    seen = len(house.asked())
    app = house.open("personas")
    assert sorted(house.asked(seen)) == ["GET /v2/personas", "GET /v2/replicas"]
    shown = html(app)
    assert "Changed at Tavus" in shown
    assert "In sync" in shown
    app.button_group(key="personas_kind").set_value("Changed at Tavus").run()
    assert html(app).count("gr-card gr-small") == 1
    app.button(key=f"personas_drift_{GUIDE}").click().run()
    assert app.query_params["view"] == "compare"
    assert "Someone else" in html(app)
    next(button for button in app.button if str(button.key).startswith("personas_accept_")).click().run()
    assert "Accepted" in app.toast[0].value
    house.go(app, "personas")
    assert "cloud_download" not in html(app)


def test_the_form_of_a_persona_that_was_changed_at_tavus_says_so_until_it_is_accepted(house: Console) -> None:
    house.services.catalogue.personas(max_age_s=0)
    elsewhere(house, greeting="Someone else")
    house.services.catalogue.personas(max_age_s=0)
    app = house.open("personas", persona=GUIDE)
    assert "by someone or something else than Greenroom" in words(app)
    next(button for button in app.button if str(button.key).startswith("personas_accept_")).click().run()
    assert "by someone or something else" not in words(app)
    assert house.services.personas.history.of(GUIDE)[0].origin.value == "accepted"


def test_a_persona_that_was_deleted_at_tavus_is_made_again_and_given_back_to_its_agents(house: Console) -> None:
    agent = demo(house.services, name="Morning demo")
    other = demo(house.services, name="Evening demo")
    house.services.catalogue.personas(max_age_s=0)
    before = house.stored(GUIDE)
    assert house.sandbox.call("DELETE", f"/personas/{GUIDE}").ok
    house.services.catalogue.forget()
    app = house.open("personas")
    assert "Deleted at Tavus" in html(app)
    assert "Warm product guide" in html(app)
    app.button(key=f"personas_again_{GUIDE}").click().run()
    assert "Morning demo" in "\n".join(element.value for element in app.markdown)
    app.button(key="personas_create_again").click().run()
    made = app.query_params["persona"]
    assert made != GUIDE
    assert house.stored(made)["system_prompt"] == before["system_prompt"]
    app.checkbox(key=f"personas_repoint_{other.id}").uncheck()
    app.button(key="personas_repoint").click().run()
    agents = {one.name: one.persona_id for one in house.services.agents.all()}
    assert agents == {"Morning demo": made, "Evening demo": GUIDE}
    assert "Morning demo uses it now." in app.toast[0].value
    assert agent.id
    app.button(key="personas_history").click().run()
    assert "Warm product guide" in app.title[0].value
    house.go(app, "personas")
    assert "Deleted at Tavus" not in html(app)


def test_a_persona_deleted_here_keeps_its_history_and_can_be_made_again(house: Console) -> None:
    house.services.personas.delete(GUIDE)
    app = house.open("personas")
    assert "Deleted here" in html(app)
    app.button(key=f"personas_gone_history_{GUIDE}").click().run()
    assert not [button for button in app.button if str(button.key).startswith("personas_restore")]
    app.button(key="personas_again").click().run()
    app.button(key="personas_create_again").click().run()
    assert app.title[0].value == "Warm product guide"
    assert "view" not in app.query_params
    made = app.query_params["persona"]
    app.button(key="personas_history").click().run()
    shown = html(app)
    assert "No field changed" not in shown
    assert f"Created again after it was deleted, with the id {made}." in shown
    assert "The persona was deleted. This is how it was last." in shown


def test_a_history_names_who_did_it_as_far_as_that_is_known(house: Console) -> None:
    house.services.catalogue.personas(max_age_s=0)
    for number, by in enumerate(
        (By(actor="api"), By(actor="command line", origin=Origin.FILE), By(origin=Origin.FILE), By(actor=STRANGE), By())
    ):
        before = house.services.personas.get(GUIDE)
        house.services.personas.save(before, {**before.raw, "greeting": f"Hello {number}"}, by).checked()
    elsewhere(house, greeting="Someone else")
    house.services.catalogue.personas(max_age_s=0)
    app = house.open("personas", persona=GUIDE, view="history")
    feet = re.findall(r'<span dir="auto">([^<]*)</span></div></div>', html(app))
    names = [" · ".join(foot.split(" · ")[2:]) for foot in feet]
    assert names == ["", "", f"by {escape(STRANGE)}", "here", "by the command line", "by the HTTP API", ""]


def test_the_deleted_are_found_by_the_same_search(house: Console) -> None:
    house.services.personas.delete(GUIDE)
    app = house.open("personas")
    app.text_input(key="personas_search").input("sceptical").run()
    assert "Deleted here" not in html(app)
    app.text_input(key="personas_search").input("warm").run()
    assert "Deleted here" in html(app)


def test_a_click_never_accepts_a_change_that_nobody_has_seen(house: Console) -> None:
    house.services.catalogue.personas(max_age_s=0)
    elsewhere(house, greeting="Someone else")
    house.services.catalogue.personas(max_age_s=0)
    app = house.open("personas", persona=GUIDE, view="compare", a="live", b="live")
    app.selectbox(key="personas_compare_a").set_value(f"p-{BUYER}").run()
    accept = next(button for button in app.button if str(button.key).startswith("personas_accept_"))
    elsewhere(house, greeting="Someone else again")
    house.services.catalogue.personas(max_age_s=0)
    accept.click().run()
    assert house.services.personas.history.of(GUIDE)[0].origin.value == "tavus"
    assert "Someone else again" in html(app)
