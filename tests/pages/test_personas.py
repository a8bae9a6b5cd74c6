"""The Personas page: empty, working and refused; what is edited, reviewed, sent, kept and shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lib.services.personas.fields import FIELDS, LAYERS, REPLICA
from tests.house import BUYER, GUIDE, LUCAS, demo
from tests.pages.opened import Console, console, everything, html, words

SALES_COACH = "p1af207b8189"
STRANGE = '<img src=x onerror="alert(1)"> :red[x] *y* 🦊 שלום'

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "401": ({"status": 401, "body": {"message": "Invalid access token"}}, "refused the key"),
    "500": ({"status": 500, "body": {"error": "boom"}}, "failed (500)"),
    "html": ({"html": True}, "web page instead of data"),
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as made:
        yield made


def field(app: AppTest, persona_id: str, name: str, rev: int = 1) -> Any:
    """The widget of this field of the persona's form."""
    key = f"personas_{persona_id}_{rev}_{name}"
    some = (app.text_input, app.text_area, app.selectbox, app.multiselect)
    kinds = (*some, app.button_group, app.number_input, app.checkbox)
    # What names items of the library is chosen by name, beside the key under which the form keeps their ids.
    return next(widget for kind in kinds for widget in kind if widget.key in (key, f"{key}.pick"))


def plain_title(app: AppTest) -> str:
    """The title without what keeps Markdown and right-to-left text from doing anything."""
    return re.sub(r"[\\\u2060\u2068\u2069]", "", app.title[0].value).rstrip("…")


def unfold(app: AppTest, persona_id: str, layer: str) -> None:
    app.session_state[f"personas_{persona_id}_1_open.{layer}"] = True
    app.run()


def test_the_gallery_shows_own_and_stock_personas_with_what_can_be_done(house: Console) -> None:
    demo(house.services)
    app = house.open("personas")
    cards = html(app)
    assert "Warm product guide" in cards
    assert "Used by 1 agent" in cards
    assert "Sales Coach" in cards
    assert "gr-gray" in cards
    assert app.button(key=f"personas_edit_{GUIDE}").label == "Edit"
    assert app.button(key=f"personas_edit_{SALES_COACH}").label == "View"
    assert sorted(house.asked()) == ["GET /v2/personas", "GET /v2/replicas"]
    app.run()
    assert len(house.asked()) == 2


def test_the_gallery_is_searched_filtered_and_paged(house: Console) -> None:
    for number in range(13):
        house.persona(f"Guide {number}", system_prompt="You know all about otters." if number == 7 else "You guide.")
    app = house.open("personas")
    assert html(app).count("gr-foot") == 12
    app.session_state["personas_page"] = 2
    assert html(app.run()).count("gr-foot") == 7
    app.text_input(key="personas_search").input("OTTERS about").run()
    assert "Guide 7" in html(app)
    assert html(app).count("gr-foot") == 1
    app.text_input(key="personas_search").input("nobody has this").run()
    assert "Nothing found" in html(app)
    app.text_input(key="personas_search").input("").run()
    app.button_group(key="personas_kind").set_value("Stock").run()
    assert html(app).count("gr-foot") == 4
    app.button_group(key="personas_view").set_value("Table").run()
    assert app.dataframe[0].value["Name"].iloc[0] == "Sales Coach"


def test_without_a_persona_of_ones_own_the_page_teaches_to_start_from_a_stock_one(house: Console) -> None:
    for persona_id in (GUIDE, BUYER):
        house.sandbox.call("DELETE", f"/personas/{persona_id}")
    app = house.open("personas")
    assert "No personas of your own yet" in html(app)
    tiles = [button for button in app.button if button.label == "Start from this"]
    assert len(tiles) == 3
    tiles[0].click().run()
    assert app.title[0].value == "New persona"
    assert str(app.text_input[0].value).endswith(" copy")


@pytest.mark.parametrize("how", REFUSED)
def test_a_refused_list_names_its_cause_and_never_looks_empty(how: str, house: Console) -> None:
    fault, cause = REFUSED[how]
    house.sandbox.faults({"route": "GET /v2/personas", "times": -1, **fault})
    app = house.open("personas")
    assert cause in words(app)
    assert [button.label for button in app.button if str(button.key).startswith("feedback_retry")] == ["Retry"]
    assert "No personas" not in words(app)
    assert "Nothing found" not in words(app)
    asked = len(house.asked())
    app.run()
    assert len(house.asked()) == asked
    house.sandbox.faults()
    next(button for button in app.button if button.label == "Retry").click().run()
    assert "Warm product guide" in html(app)


def test_a_list_that_can_not_be_read_anew_is_shown_with_its_age(house: Console) -> None:
    app = house.open("personas")
    house.sandbox.faults({"route": "GET /v2/personas", "status": 500, "body": {"error": "boom"}, "times": -1})
    house.services.catalogue.forget()
    house.go(app, "agents")
    house.go(app, "personas")
    assert "shown as read just now" in words(app)
    assert "Warm product guide" in html(app)


def test_refused_faces_leave_the_personas_readable(house: Console) -> None:
    house.sandbox.faults({"route": "GET /v2/replicas", "status": 500, "body": {"error": "boom"}, "times": -1})
    app = house.open("personas")
    assert "failed (500)" in words(app)
    assert "Warm product guide" in html(app)


def test_the_editor_reads_one_persona_and_a_rerun_reads_nothing(house: Console) -> None:
    app = house.open("personas", persona=GUIDE)
    assert house.asked() == [f"GET /v2/personas/{GUIDE}", "GET /v2/replicas"]
    assert app.title[0].value == "Warm product guide"
    field(app, GUIDE, "persona_name").input("Other").run()
    assert len(house.asked()) == 2


def test_edits_are_counted_reviewed_and_only_they_are_sent(house: Console) -> None:
    before = house.stored(GUIDE)
    app = house.open("personas", persona=GUIDE)
    app.button(key="personas_review").click().run()
    assert app.toast[0].value == "Nothing has changed."
    field(app, GUIDE, "persona_name").input(STRANGE).run()
    field(app, GUIDE, "greeting").input("").run()
    field(app, GUIDE, "layers.conversational_flow.turn_taking_patience").set_value("high").run()
    said = words(app)
    assert "3 local edits" in said
    assert "Name, Greeting and Turn taking, patience" in said
    app.button(key="personas_review").click().run()
    review = everything(app)
    assert '<span class="gr-pre" dir="auto">Warm product guide</span>' in review
    assert '<span class="gr-pre" dir="auto">High</span>' in review
    assert "&lt;img src=x" in review
    assert app.code[0].language == "json"
    steps = [step["op"] for step in json.loads(app.code[0].value)]
    assert (steps[:3], sorted(steps[3:])) == (["test"] * 3, ["remove", "replace", "replace"])
    seen = len(house.asked())
    app.button(key="personas_save").click().run()
    assert not app.exception
    assert house.asked(seen) == [f"{verb} /v2/personas/{GUIDE}" for verb in ("GET", "PATCH", "GET")]
    after = house.stored(GUIDE)
    assert after["persona_name"] == STRANGE
    assert "greeting" not in after or not after["greeting"]
    assert after["layers"]["conversational_flow"]["turn_taking_patience"] == "high"
    assert after["system_prompt"] == before["system_prompt"]
    assert "Saved to Tavus: 3 fields." in app.toast[0].value
    assert "local edit" not in words(app)
    house.go(app, "personas")
    assert "onerror=&quot;alert(1)&quot;" in html(app)


def test_a_save_that_fails_says_why_and_keeps_what_was_typed(house: Console) -> None:
    app = house.open("personas", persona=GUIDE)
    field(app, GUIDE, "system_prompt").input("You are brief.").run()
    house.sandbox.faults({"route": "PATCH /v2/personas/*", "status": 402, "body": {"message": "out of credits"}})
    app.button(key="personas_review").click().run()
    app.button(key="personas_save").click().run()
    assert "no minutes left" in words(app)
    assert field(app, GUIDE, "system_prompt").value == "You are brief."
    assert house.stored(GUIDE)["system_prompt"] != "You are brief."
    app.button(key="personas_review").click().run()
    app.button(key="personas_save").click().run()
    assert house.stored(GUIDE)["system_prompt"] == "You are brief."


def test_a_304_is_told_as_nothing_changed(house: Console) -> None:
    app = house.open("personas", persona=GUIDE)
    field(app, GUIDE, "persona_name").input("Other").run()
    house.sandbox.faults({"route": "PATCH /v2/personas/*", "status": 304})
    app.button(key="personas_review").click().run()
    app.button(key="personas_save").click().run()
    assert "Nothing changed at Tavus" in app.toast[0].value
    assert field(app, GUIDE, "persona_name", rev=2).value == "Warm product guide"


def test_edits_outlive_folded_layers_and_other_pages_until_they_are_discarded(house: Console) -> None:
    app = house.open("personas", persona=GUIDE)
    unfold(app, GUIDE, "llm")
    field(app, GUIDE, "layers.llm.model").set_value("tavus-gpt-oss").run()
    app.session_state[f"personas_{GUIDE}_1_open.llm"] = False
    app.run()
    house.go(app, "agents")
    house.go(app, "personas")
    assert "gr-orange" in html(app)
    house.go(app, "personas", persona=GUIDE)
    assert "1 local edit" in words(app)
    unfold(app, GUIDE, "llm")
    assert field(app, GUIDE, "layers.llm.model").value == "tavus-gpt-oss"
    app.button(key=f"danger-discard-{GUIDE}").click().run()
    assert "local edit" not in words(app)


def test_what_is_wrong_is_named_at_its_field_before_anything_is_sent(house: Console) -> None:
    app = house.open("personas", persona=GUIDE)
    unfold(app, GUIDE, "llm")
    field(app, GUIDE, "persona_name").input("").run()
    field(app, GUIDE, "layers.llm.tools").input("{oops").run()
    seen = len(house.asked())
    app.button(key="personas_review").click().run()
    said = words(app)
    assert "2 things to fix first" in said
    assert said.count("Give the persona a name.") == 2
    assert said.count("This is not JSON yet") == 2
    assert house.asked(seen) == []
    assert field(app, GUIDE, "layers.llm.tools").value == "{oops"


def test_every_field_shows_its_help_and_what_applies_while_it_is_empty(house: Console) -> None:
    app = house.open("personas", persona="new")
    for group in LAYERS:
        app.session_state[f"personas_new_1_open.{group.key}"] = True
    app.run()
    for known in FIELDS:
        if known.deprecated:
            assert not [widget for widget in (*app.text_area, *app.selectbox) if str(widget.key).endswith(known.key)]
        elif known is not REPLICA:
            widget = field(app, "new", known.key)
            assert widget.proto.help == known.help
            assert not re.search(r"[\\\[\]]|:\w+\[", widget.label), "the help is named by the label as it stands"
            told = widget.label + getattr(widget.proto, "placeholder", "")
            assert known.needed or known.say(known.default).lower() in told.replace("\\", "").lower()
    assert "The defaults below count once one field is set here." in words(app)
    field(app, "new", "layers.conversational_flow.turn_taking_patience").set_value("high").run()
    assert "count once one field is set" not in words(app)


def test_the_deprecated_context_is_moved_into_the_prompt_and_back_without_sending_anything(house: Console) -> None:
    app = house.open("personas", persona=GUIDE)
    prompt, context = field(app, GUIDE, "system_prompt").value, field(app, GUIDE, "context").value
    assert "Deprecated at Tavus since February 2026" in words(app)
    seen = len(house.asked())
    app.button(key=f"personas_{GUIDE}_1_merge").click().run()
    assert field(app, GUIDE, "system_prompt").value == f"{prompt}\n\n{context}"
    assert field(app, GUIDE, "context").value == ""
    assert "in System prompt and Context" in words(app)
    app.button(key=f"personas_{GUIDE}_1_unmerge").click().run()
    assert (field(app, GUIDE, "system_prompt").value, field(app, GUIDE, "context").value) == (prompt, context)
    assert "local edit" not in words(app)
    app.button(key=f"personas_{GUIDE}_1_merge").click().run()
    field(app, GUIDE, "system_prompt").input("Something else.").run()
    assert not [button for button in app.button if button.label == "Undo"]
    assert house.asked(seen) == []


def test_a_value_under_an_older_name_is_shown_with_a_note_and_saved_under_the_name_of_today(house: Console) -> None:
    perception = {"ambient_awareness_queries": ["Is it dark?"], "perception_tools": [{"name": "lamp"}]}
    persona_id = house.persona("Old hand", layers={"perception": perception, "stt": {"smart_turn_detection": True}})
    app = house.open("personas", persona=persona_id)
    unfold(app, persona_id, "perception")
    unfold(app, persona_id, "stt")
    assert field(app, persona_id, "layers.perception.visual_awareness_queries").value == "Is it dark?"
    said = words(app)
    assert "Stored under the older name ambient_awareness_queries" in said
    assert "Stored under the older name perception_tools" in said
    assert "Older, for sparrow-0" in said
    field(app, persona_id, "persona_name").input("Old hand 2").run()
    app.button(key="personas_review").click().run()
    assert "under the older name ambient_awareness_queries" in words(app)
    app.button(key="personas_save").click().run()
    layer = house.stored(persona_id)["layers"]["perception"]
    assert layer == {"visual_awareness_queries": ["Is it dark?"], "visual_tools": [{"name": "lamp"}]}
    assert "older name" not in words(app)


def test_fields_that_nobody_knows_travel_untouched(house: Console) -> None:
    humour = {"level": "dry", "deep": [{"seed": 7}]}
    persona_id = house.persona("Odd", layers={"humour": humour}, weather={"sun": None, "rain": [1, 2]})
    before = house.stored(persona_id)
    app = house.open("personas", persona=persona_id)
    field(app, persona_id, "greeting").input("Hello").run()
    app.button(key="personas_review").click().run()
    app.button(key="personas_save").click().run()
    after = house.stored(persona_id)
    assert {**after, "greeting": None, "updated_at": None} == {**before, "greeting": None, "updated_at": None}


def test_a_stored_secret_never_reaches_the_page(house: Console) -> None:
    key = "sk-canary-persona-4417"
    persona_id = house.persona(
        "Own model", layers={"llm": {"model": "own", "api_key": key}, "sts": {"provider": "ours", "api_key": key}}
    )
    app = house.open("personas", persona=persona_id)
    unfold(app, persona_id, "llm")
    unfold(app, persona_id, "more")
    unfold(app, persona_id, "other")
    assert "Set. Type to replace it." in field(app, persona_id, "layers.llm.api_key").placeholder
    assert "api_key is set, kept and never shown." in words(app)
    field(app, persona_id, "persona_name").input("Own model 2").run()
    app.button(key="personas_review").click().run()
    assert key not in "\n".join(str(element.proto) for element in app.main)
    app.button(key="personas_save").click().run()
    stored = house.stored(persona_id)
    assert (stored["persona_name"], stored["layers"]["llm"]["api_key"]) == ("Own model 2", key)
    assert stored["layers"]["sts"]["api_key"] == key


def test_a_new_persona_is_made_and_what_was_typed_survives_a_refusal(house: Console) -> None:
    app = house.open("personas")
    app.button(key="personas_new").click().run()
    app.button(key="personas_create").click().run()
    assert "2 things to fix first" in words(app)
    field(app, "new", "persona_name").input("Otter guide").run()
    field(app, "new", "system_prompt").input("You know otters.").run()
    app.session_state["personas_new_1_default_replica_id"] = LUCAS
    app.run()
    house.sandbox.faults({"route": "POST /v2/personas", "status": 500, "body": {"error": "boom"}})
    app.button(key="personas_create").click().run()
    said = words(app)
    assert "It may have been made" in said
    assert field(app, "new", "system_prompt").value == "You know otters."
    app.button(key="personas_create").click().run()
    assert app.title[0].value == "Otter guide"
    (made,) = [p for p in house.services.catalogue.personas().items if p.name == "Otter guide"]
    stored = house.stored(made.id)
    assert (stored["system_prompt"], stored["default_replica_id"]) == ("You know otters.", LUCAS)
    assert app.query_params["persona"] == made.id


def test_a_second_click_on_create_finds_what_the_first_one_made(house: Console) -> None:
    app = house.open("personas", persona="new")
    # What is left when a click stops the run of the click before it, right after Tavus has answered.
    app.session_state["personas_drafts"]["new"]["made"] = GUIDE
    seen = len(house.asked())
    app.button(key="personas_create").click().run()
    assert app.title[0].value == "Warm product guide"
    assert not [route for route in house.asked(seen) if route.startswith("POST")]
    app.button(key="personas_back").click().run()
    app.button(key="personas_new").click().run()
    assert app.title[0].value == "New persona"


def test_a_stock_persona_is_looked_at_and_copied_but_not_edited(house: Console) -> None:
    app = house.open("personas", persona=SALES_COACH)
    assert field(app, SALES_COACH, "system_prompt").disabled
    assert not [button for button in app.button if button.key == "personas_review"]
    app.button(key="personas_copy").click().run()
    assert field(app, f"copy-{SALES_COACH}", "persona_name").value == "Sales Coach copy"
    app.button(key="personas_create").click().run()
    assert app.title[0].value == "Sales Coach copy"
    assert house.stored(app.query_params["persona"])["persona_type"] == "user"


def test_deleting_asks_once_and_names_the_agents_that_break(house: Console) -> None:
    agent = demo(house.services, name="Morning demo")
    app = house.open("personas", persona=GUIDE)
    # What the menu does: AppTest can't open one.
    app.session_state["personas_todo"] = ("delete", GUIDE, "")
    app.run()
    assert house.sandbox.call("GET", f"/personas/{GUIDE}").status_code == 400
    assert "Persona deleted. Its history stays" in app.toast[0].value
    assert "persona" not in app.query_params
    personas = house.services.catalogue.personas()
    assert [m.code for m in house.services.agents.missing(agent, personas, None)] == ["persona_deleted"]


def test_an_unknown_persona_is_told_with_a_way_back(house: Console) -> None:
    app = house.open("personas", persona="p0000gone0000")
    assert app.button(key="personas_back")
    assert "banner" in words(app) or "Invalid persona_id" in words(app)
    seen = len(house.asked())
    app.run()
    assert house.asked(seen) == []
    app.button(key="personas_back").click().run()
    assert "Warm product guide" in html(app)


def test_any_name_and_a_long_prompt_show_as_themselves(house: Console) -> None:
    names = (STRANGE, "x" * 100, "مرحبا بالعالم", "<script>alert(1)</script>")
    made = {house.persona(name, system_prompt="Be “exact” & <b>plain</b>. " * 400): name for name in names}
    app = house.open("personas")
    assert "&lt;script&gt;alert(1)" in html(app)
    assert "<script>" not in html(app)
    assert "<img src=x" not in html(app)
    for persona_id, name in made.items():
        house.go(app, "personas", persona=persona_id)
        assert field(app, persona_id, "persona_name").value == name
        assert len(field(app, persona_id, "system_prompt").value) > 10_000
        assert plain_title(app) == name


def test_five_hundred_personas_are_read_by_one_sweep_found_by_typing_and_paged(house: Console) -> None:
    for number in range(500):
        prompt = "You know all about otters." if number == 377 else "You are a guide. " * 60
        house.persona(f"Guide {number:03}", system_prompt=prompt)
    house.services.catalogue.forget()
    seen = len(house.asked())
    app = house.open("personas")
    asked = house.asked(seen)
    assert (asked.count("GET /v2/personas"), asked.count("GET /v2/replicas")) == (6, 1)
    assert html(app).count("gr-card gr-small") == 12
    app.text_input(key="personas_search").input("otters").run()
    assert "Guide 377" in html(app)
    assert html(app).count("gr-card gr-small") == 1
    app.text_input(key="personas_search").input("").run()
    app.button_group(key="personas_view").set_value("Table").run()
    assert len(app.dataframe[0].value) == 50
    app.session_state["personas_page"] = 11
    app.run()
    assert len(app.dataframe[0].value) == 506 - 500
    assert len(house.asked(seen)) == len(asked)
