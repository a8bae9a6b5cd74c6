"""A save is reviewed, a clash is settled, an earlier state is restored: walked by hand in a real browser."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests
from playwright.sync_api import Locator, Page, expect

from tests.running import Dashboard

pytestmark = pytest.mark.browser

GUIDE = "p2b8e10c94d6"


def stored(console: Dashboard) -> dict[str, Any]:
    answer = requests.get(f"{console.url}/sandbox/v2/personas/{GUIDE}", headers={"x-api-key": "sandbox"}, timeout=10)
    row: dict[str, Any] = answer.json()
    return row


def theirs(console: Dashboard, **fields: str) -> None:
    """Someone else changes it at Tavus."""
    steps = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in fields.items()]
    answer = requests.patch(
        f"{console.url}/sandbox/v2/personas/{GUIDE}", json=steps, headers={"x-api-key": "sandbox"}, timeout=10
    )
    assert answer.ok


def write(page: Page, label: str, text: str) -> None:
    box = page.get_by_role("textbox", name=label, exact=True)
    expect(box).not_to_have_value("")
    box.fill(text)
    box.blur()


def review(page: Page) -> Locator:
    page.get_by_role("button", name="Review and save").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("What changed and why")).to_be_visible()
    return dialog


def save(page: Page, dialog: Locator, reason: str) -> None:
    dialog.get_by_role("textbox", name="What changed and why").fill(reason)
    dialog.get_by_role("button", name="Save in the sandbox").click()
    expect(dialog).to_be_hidden()


def test_a_prompt_is_reviewed_word_by_word_its_patch_copied_and_the_reason_kept(page: Page) -> None:
    with Dashboard() as console:
        before = stored(console)["system_prompt"]
        page.goto(f"{console.url}/personas?persona={GUIDE}")
        write(page, "System prompt", before.replace("a warm product guide", "a calm product guide"))
        expect(page.get_by_text("1 local edit")).to_be_visible()
        dialog = review(page)
        expect(dialog.locator("del")).to_have_text("warm ")
        expect(dialog.locator("ins")).to_have_text("calm ")
        assert "line-through" in dialog.locator("del").evaluate("e => getComputedStyle(e).textDecorationLine")
        assert "underline" in dialog.locator("ins").evaluate("e => getComputedStyle(e).textDecorationLine")
        dialog.get_by_text("The JSON Patch that is sent").click()
        code = dialog.locator("[data-testid=stCode]")
        code.hover()
        code.get_by_role("button").first.click()
        steps = json.loads(page.evaluate("navigator.clipboard.readText()"))
        assert [(step["op"], step["path"]) for step in steps] == [
            ("test", "/system_prompt"),
            ("replace", "/system_prompt"),
        ]
        save(page, dialog, "Calmer after Friday")
        expect(page.get_by_text("Saved in the sandbox: 1 field.")).to_be_visible()
        assert "a calm product guide" in stored(console)["system_prompt"]

        page.get_by_role("button", name="History").click()
        expect(page.get_by_text("Calmer after Friday")).to_be_visible()
        expect(page.get_by_text("Changed: System prompt.")).to_be_visible()


def test_two_people_who_change_the_same_field_are_shown_side_by_side_and_nobody_is_overwritten(page: Page) -> None:
    with Dashboard() as console:
        page.goto(f"{console.url}/personas?persona={GUIDE}")
        write(page, "Greeting", "Good morning, I am Anna.")
        write(page, "Name", "Morning guide")
        expect(page.get_by_text("2 local edits")).to_be_visible()
        theirs(console, greeting="Good evening, I am Anna.", system_prompt="You are Anna. You are patient.")
        save(page, review(page), "For the morning")
        clash = page.locator("[class*=st-key-banner-warn-personas_clash]")
        expect(clash).to_contain_text("was changed in the sandbox while you edited it. Nothing was sent")
        expect(clash).to_contain_text("One field was changed on both sides: choose.")
        expect(clash).to_contain_text("Theirs: System prompt. Yours: Name.")
        for side in ("Good evening, I am Anna.", "Good morning, I am Anna.", "I can show you around"):
            expect(clash.get_by_text(side).first).to_be_visible()
        expect(page.get_by_role("textbox", name="Greeting", exact=True)).to_have_value("Good morning, I am Anna.")
        assert stored(console)["greeting"] == "Good evening, I am Anna."
        go_on = clash.get_by_role("button", name="Review and save")
        expect(go_on).to_be_disabled()

        clash.get_by_role("radio", name="Write it anew").click()
        anew = clash.get_by_role("textbox")
        anew.fill("Good day, I am Anna.")
        anew.blur()
        go_on.click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("textbox", name="What changed and why")).to_have_value("For the morning")
        expect(dialog.get_by_text("Good day, I am Anna.").first).to_be_visible()
        save(page, dialog, "For any hour")
        expect(page.get_by_text("Saved in the sandbox: 2 fields.")).to_be_visible()
        row = stored(console)
        assert (row["greeting"], row["persona_name"]) == ("Good day, I am Anna.", "Morning guide")
        assert row["system_prompt"] == "You are Anna. You are patient."


def test_an_earlier_state_is_compared_restored_through_the_review_and_kept_as_a_new_one(page: Page) -> None:
    with Dashboard() as console:
        before = stored(console)
        page.goto(f"{console.url}/personas?persona={GUIDE}")
        write(page, "System prompt", "You talk a lot.")
        expect(page.get_by_text("1 local edit")).to_be_visible()
        save(page, review(page), "An experiment")
        expect(page.get_by_text("Saved in the sandbox: 1 field.")).to_be_visible()
        page.get_by_role("button", name="History").click()
        first = page.locator(".st-key-rows-history [data-testid=stHorizontalBlock]").filter(has_text="First seen")
        first.get_by_role("button", name="Compare").click()
        expect(page.get_by_text("1 field differs.")).to_be_visible()
        page.get_by_role("button", name="Restore the earlier state").click()
        dialog = page.get_by_role("dialog")
        reason = dialog.get_by_role("textbox", name="What changed and why")
        expect(reason).to_have_value(re.compile("^Restored from "))
        assert stored(console)["system_prompt"] == "You talk a lot."
        dialog.get_by_role("button", name="Save in the sandbox").click()
        expect(dialog).to_be_hidden()
        expect(page.get_by_text("Nothing has been sent")).to_be_hidden()
        page.get_by_role("button", name="Review and save").click()
        expect(page.get_by_text("Nothing has changed.")).to_be_visible()
        assert {**stored(console), "updated_at": ""} == {**before, "updated_at": ""}
        page.get_by_role("button", name="History").click()
        expect(page.locator(".gr-chip", has_text="Restored")).to_be_visible()
        assert "Session State API" not in console.log, console.log


def test_values_that_are_put_into_the_form_log_nothing(page: Page) -> None:
    """Streamlit warns once a process where a widget has two beginnings, with a stack that looks like a failure."""
    with Dashboard() as console:
        steps = [
            {"op": "add", "path": "/layers/tts/voice_settings", "value": {"speed": 1}},
            {"op": "add", "path": "/layers/conversational_flow", "value": {"turn_taking_patience": "high"}},
            {"op": "replace", "path": "/pipeline_mode", "value": "echo"},
        ]
        page.goto(f"{console.url}/personas?persona={GUIDE}&view=history")
        expect(page.get_by_text("First seen")).to_be_visible()
        answer = requests.patch(
            f"{console.url}/sandbox/v2/personas/{GUIDE}", json=steps, headers={"x-api-key": "sandbox"}, timeout=10
        )
        assert answer.ok, answer.text
        page.goto(f"{console.url}/personas?persona={GUIDE}")
        expect(page.get_by_text("Turn taking")).to_be_visible()
        expect(page.get_by_role("radio", name="High").first).to_be_checked()
        page.get_by_role("button", name="Move it into the prompt").click()
        expect(page.get_by_text("2 local edits")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("2 local edits")).to_be_hidden()
        page.goto(f"{console.url}/personas?persona={GUIDE}&view=history")
        page.get_by_role("button", name="Restore").last.click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("Turn taking, patience")).to_be_visible()
        dialog.get_by_role("button", name="Keep editing").click()
        expect(page.get_by_role("radio", name="High").first).not_to_be_checked()
        assert "Session State API" not in console.log, console.log
