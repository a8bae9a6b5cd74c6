"""What becomes of a save: each outcome has its own face, nothing is overwritten silently, nothing typed is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.house import GUIDE
from tests.pages.opened import Console, console, everything, html, words
from tests.pages.test_personas import field, unfold

PROMPT = "You are Anna. You are brief."


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path) as made:
        yield made


def typed(house: Console, **fields: str) -> AppTest:
    """The form of GUIDE with this typed into it."""
    app = house.open("personas", persona=GUIDE)
    for name, value in fields.items():
        field(app, GUIDE, name).input(value).run()
    return app


def save(app: AppTest, reason: str = "") -> AppTest:
    app.button(key="personas_review").click().run()
    if reason:
        app.text_input(key="personas_reason").input(reason)
    app.button(key="personas_save").click().run()
    assert not app.exception
    return app


def theirs(house: Console, **fields: Any) -> None:
    """Someone else changes it at Tavus."""
    steps = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in fields.items()]
    assert house.sandbox.call("PATCH", f"/personas/{GUIDE}", steps).ok


def sides(app: AppTest, name: str) -> Any:
    return next(group for group in app.button_group if str(group.key).endswith(f"_{name}_side"))


def chosen(app: AppTest) -> Any:
    """The button by which a conflict is left, once each side is chosen."""
    return next(one for one in app.button if one.label == "Review and save" and one.key != "personas_review")


def button(app: AppTest, label: str) -> Any:
    return next(one for one in app.button if one.label == label)


def test_a_save_keeps_its_reason_in_the_history(house: Console) -> None:
    app = save(typed(house, system_prompt=PROMPT), "Shorter after Friday")
    assert "Saved to Tavus: 1 field." in app.toast[0].value
    newest = house.services.personas.history.of(GUIDE)[0]
    assert (newest.reason, newest.origin.value) == ("Shorter after Friday", "greenroom")
    assert not [group for group in app.button if group.key == "personas_settle"]


def test_a_prompt_is_reviewed_word_by_word_and_its_unchanged_part_is_folded(house: Console) -> None:
    before = house.stored(GUIDE)["system_prompt"]
    app = typed(house, system_prompt=before.replace("warm product guide", "calm product guide"))
    app.button(key="personas_review").click().run()
    review = everything(app)
    assert "<del>warm </del><ins>calm </ins>" in review
    assert "characters as before</summary>" in review


def test_a_conflict_shows_three_sides_and_overwrites_nothing_before_it_is_chosen(house: Console) -> None:
    before = house.stored(GUIDE)
    app = typed(house, system_prompt=PROMPT, persona_name="Mine")
    theirs(house, system_prompt="You are Anna. You are thorough.", greeting="Theirs, alone.")
    seen = len(house.asked())
    save(app, "Shorter")
    assert house.asked(seen) == [f"GET /v2/personas/{GUIDE}"]
    said = words(app)
    assert "This persona was changed at Tavus while you edited it." in said
    assert "One field was changed on both sides: choose." in said
    assert "What only one side changed goes together by itself. Theirs: Greeting. Yours: Name." in said
    for side in ("Theirs, at Tavus now", "Mine", "As both began", "thorough", "brief", "warm product guide"):
        assert side in html(app)
    assert field(app, GUIDE, "system_prompt").value == PROMPT
    assert app.button(key="personas_review").disabled
    assert chosen(app).disabled
    stored = house.stored(GUIDE)
    assert (stored["system_prompt"], stored["persona_name"]) == (
        "You are Anna. You are thorough.",
        before["persona_name"],
    )


@pytest.mark.parametrize(
    ("side", "written", "kept"),
    [
        ("mine", "", PROMPT),
        ("theirs", "", "You are Anna. You are thorough."),
        ("anew", "You are Anna. You are both.", "You are Anna. You are both."),
    ],
)
def test_a_conflict_is_settled_field_by_field_and_reviewed_again(
    house: Console, side: str, written: str, kept: str
) -> None:
    app = typed(house, system_prompt=PROMPT, persona_name="Mine")
    theirs(house, system_prompt="You are Anna. You are thorough.", greeting="Theirs, alone.")
    save(app)
    sides(app, "system_prompt").set_value(side).run()
    if written:
        next(area for area in app.text_area if str(area.key).endswith("system_prompt_anew")).input(written).run()
    chosen(app).click().run()
    assert "Only this is sent" in app.caption[-1].value
    app.button(key="personas_save").click().run()
    assert "Saved to Tavus" in app.toast[0].value
    stored = house.stored(GUIDE)
    assert (stored["system_prompt"], stored["persona_name"], stored["greeting"]) == (kept, "Mine", "Theirs, alone.")


def test_what_does_not_clash_goes_together_by_itself_but_is_said_and_reviewed(house: Console) -> None:
    app = typed(house, persona_name="Mine")
    theirs(house, greeting="Theirs, alone.")
    save(app)
    assert "What only one side changed goes together by itself. Theirs: Greeting. Yours: Name." in words(app)
    chosen(app).click().run()
    app.button(key="personas_save").click().run()
    stored = house.stored(GUIDE)
    assert (stored["persona_name"], stored["greeting"]) == ("Mine", "Theirs, alone.")


def test_a_conflict_can_be_given_up_for_theirs(house: Console) -> None:
    app = typed(house, system_prompt=PROMPT)
    theirs(house, system_prompt="Theirs.")
    save(app)
    button(app, "Give up my edits, take theirs").click().run()
    assert field(app, GUIDE, "system_prompt", rev=2).value == "Theirs."
    assert "while you edited it" not in words(app)
    assert "local edit" not in words(app)


def test_a_secret_that_was_typed_outlives_a_conflict_and_is_shown_nowhere(house: Console) -> None:
    app = typed(house, persona_name="Mine")
    unfold(app, GUIDE, "llm")
    field(app, GUIDE, "layers.llm.api_key").input("sk-canary-typed-991").run()
    theirs(house, persona_name="Theirs")
    save(app)
    sides(app, "persona_name").set_value("mine").run()
    chosen(app).click().run()
    shown = "\n".join([everything(app), *(str(code.value) for code in app.code)])
    assert "sk-canary-typed-991" not in shown
    assert "••••••" in app.code[0].value
    app.button(key="personas_save").click().run()
    assert house.stored(GUIDE)["layers"]["llm"]["api_key"] == "sk-canary-typed-991"


def test_a_maker_draft_is_kept_or_overwritten_and_it_is_said_what_is_lost(house: Console) -> None:
    house.sandbox.control("drafts", {"persona_id": GUIDE})
    app = save(typed(house, system_prompt=PROMPT), "Shorter")
    said = words(app)
    assert "PAL Maker and has not published it" in said
    assert "their unpublished draft is lost for good" in said
    app.button(key="personas_keep_theirs").click().run()
    assert field(app, GUIDE, "system_prompt").value == PROMPT
    assert house.sandbox.control("drafts") == [GUIDE]
    assert "PAL Maker" not in words(app)
    save(app, "Shorter")
    app.button(key="danger-maker-overwrite").click().run()
    assert "Saved to Tavus: 1 field." in app.toast[0].value
    assert house.stored(GUIDE)["system_prompt"] == PROMPT
    assert house.sandbox.control("drafts") == []
    assert house.services.personas.history.of(GUIDE)[0].reason == "Shorter"


def test_a_refusal_is_told_in_tavuss_words_beside_the_field(house: Console) -> None:
    app = typed(house, greeting="Hello")
    refused = {"status": 400, "body": {"error": "greeting must not be a greeting"}}
    house.sandbox.faults({"route": "PATCH /v2/personas/*", **refused})
    save(app)
    assert words(app).count("greeting must not be a greeting") == 2
    assert field(app, GUIDE, "greeting").value == "Hello"
    assert "all that you typed is still here" in words(app)
    save(app)
    assert "must not be" not in words(app)
    assert house.stored(GUIDE)["greeting"] == "Hello"


@pytest.mark.parametrize(
    ("fault", "said", "state"),
    [
        ({"drop": "after"}, "all of it was saved", "Saved"),
        ({"drop": "before"}, "nothing of it was saved", "Not saved"),
    ],
)
def test_an_unclear_answer_tells_what_holds_field_by_field_and_keeps_what_was_typed(
    house: Console, fault: dict[str, Any], said: str, state: str
) -> None:
    app = typed(house, system_prompt=PROMPT)
    house.sandbox.faults({"route": "PATCH /v2/personas/*", **fault})
    save(app)
    assert said in words(app)
    assert f"</i>{state}</span>" in html(app)
    assert field(app, GUIDE, "system_prompt").value == PROMPT
    if state == "Not saved":
        app.button(key="personas_again").click().run()
        app.button(key="personas_save").click().run()
        assert "Saved to Tavus" in app.toast[0].value
    else:
        button(app, "Take what is at Tavus, drop my edits").click().run()
        assert "local edit" not in words(app)
    assert house.stored(GUIDE)["system_prompt"] == PROMPT


def test_a_field_that_tavus_drops_is_named_after_the_save(house: Console) -> None:
    app = typed(house, greeting="Hello there", persona_name="Named")
    row = {**house.stored(GUIDE), "persona_name": "Named", "pal_name": "Named", "greeting": None}
    house.sandbox.faults(
        {"route": "GET /v2/personas/*", "delay_s": 0.01},
        {"route": "GET /v2/personas/*", "body": row},
    )
    save(app)
    said = words(app)
    assert "Tavus keeps one field otherwise than sent" in said
    assert "sent: Hello there · there now: empty" in said
    app.button(key="personas_settle").click().run()
    assert "otherwise than sent" not in words(app)


def test_a_save_that_can_not_be_sent_keeps_what_was_typed(house: Console) -> None:
    app = typed(house, system_prompt=PROMPT)
    house.sandbox.faults({"route": "GET /v2/personas/*", "status": 401, "body": {"message": "Invalid access token"}})
    save(app)
    assert "refused the key" in words(app)
    assert field(app, GUIDE, "system_prompt").value == PROMPT
